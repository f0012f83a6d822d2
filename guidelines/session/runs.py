"""Begin a run, or continue an interrupted one."""

from __future__ import annotations

import importlib.metadata
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol as Interface

from guideline_benchmarks.guidelines.controls import controls
from guideline_benchmarks.guidelines.experiment import Declaration
from guideline_benchmarks.guidelines.export import apart, model_files, user_networks
from guideline_benchmarks.guidelines.export.quantisers import quantiser
from guideline_benchmarks.guidelines.session.differences import differences
from guideline_benchmarks.guidelines.session.stored import read_run
from guideline_benchmarks.results.cost_model.cost_model import CostModel
from guideline_benchmarks.results.errors import BadInputError
from guideline_benchmarks.results.record.cells import Cell, DerivedNetwork, Experiment, UserNetwork
from guideline_benchmarks.results.record.parts import Session
from guideline_benchmarks.results.record.platform import Fingerprint, Platform
from guideline_benchmarks.results.record.protocol import Protocol
from guideline_benchmarks.results.record.same_machine import refuse_other_machine
from guideline_benchmarks.results.record.schema import Run
from guideline_benchmarks.results.statistics.stopping import complete
from guideline_benchmarks.results.store import run_folders
from guideline_benchmarks.results.store.files import cache_folder, locked, readable
from guideline_benchmarks.runners import measure
from guideline_benchmarks.runners.claim import Claim
from guideline_benchmarks.runners.emulator import count
from guideline_benchmarks.runners.emulator.count_cache import CountCache
from guideline_benchmarks.runners.launcher import ModelFiles, identify, launcher_of


class Watcher(measure.Watcher, count.CountWatcher, Interface):
    """Is told how far a run is, timed or counted."""


@dataclass(frozen=True)
class Plan:
    """What a run is to measure, on what, and how.

    With `reuses_counts`, networks that were counted before in the same way are not counted again.
    `cost_model` is that of a platform that names one. Exporting a network of the user's may take
    `patience` seconds. A board is held under `claim`, or else under this process's own.
    """

    declarations: Sequence[Declaration]
    platform: Platform
    protocol: Protocol
    reuses_counts: bool = False
    cost_model: CostModel | None = None
    patience: float = apart.PATIENCE
    claim: Claim | None = None

    @property
    def experiments(self) -> list[Experiment]:
        """The experiments as the record keeps them."""
        return [declaration.declared(self.protocol.choice) for declaration in self.declarations]

    @property
    def cells(self) -> list[Cell]:
        """The cells of all experiments, in the record's order, with the protocol's batch."""
        cells = [
            cell
            for declaration in self.declarations
            for cell in declaration.cells(self.protocol.choice)
        ]
        batch = self.protocol.batch
        return cells if batch is None else [with_batch(cell, batch) for cell in cells]


def with_batch(cell: Cell, batch: int) -> Cell:
    """Return a cell whose network runs so many images at a time; a user's has its own batch."""
    if isinstance(cell.network, (UserNetwork, DerivedNetwork)):
        return cell
    return replace(cell, network=replace(cell.network, batch=batch))


def newest_unfinished(plan: Plan) -> Path | None:
    """Return the newest stored run that `plan` could continue, or None."""
    for folder in run_folders.stored_runs():
        run = asked_before(plan, folder)
        if run is not None and not complete(run):
            return folder
    return None


def asked_before(plan: Plan, folder: Path) -> Run | None:
    """Return the run in `folder` if `plan` asks for the same, or None."""
    try:
        run = read_run(folder)
    except BadInputError:
        return None
    return None if differences(run, plan) else run


def execute(
    plan: Plan,
    folder: Path,
    resume: bool,
    watcher: Watcher,
    preparing: Callable[[int, int], None],
) -> Run:
    """Measure `plan` into `folder` and return the finished run.

    With `resume`, a run that the folder holds is continued; without, it is refused. `preparing`
    is told how many of how many networks are exported. Raises the errors of runners.measure,
    results.store.run_folders and guidelines.export.model_files.
    """
    with locked(folder):
        return _execute(plan, folder, resume, watcher, preparing)


def _execute(
    plan: Plan,
    folder: Path,
    resume: bool,
    watcher: Watcher,
    preparing: Callable[[int, int], None],
) -> Run:
    earlier = earlier_run(plan, folder, resume)
    cache = cache_folder()
    if earlier is not None and complete(earlier):
        # A file or a callable of the user's may have changed under its name.
        if any(isinstance(cell.network, UserNetwork) for cell in plan.cells):
            _refuse_changed(earlier, plan, folder, *prepare(plan, cache, preparing)[:2])
        return earlier
    # Before anything is exported, so that a missing runtime or another machine is told at once.
    search = user_networks.search_path(plan.cells, plan.platform.backend)
    python = user_networks.interpreter(plan.cells, plan.platform.backend)
    if python:
        search.append(str(apart.networks_archive(cache)))
    launcher = launcher_of(plan.platform, cache, search, python, plan.claim)
    fingerprint = identify(plan.platform, launcher, plan.protocol.core, plan.protocol.precision)
    if earlier is not None:
        refuse_other_machine(earlier.fingerprint, fingerprint)
    cells, others, files = prepare(plan, cache, preparing)
    run = begin(plan, fingerprint, cells, others) if earlier is None else earlier
    _refuse_changed(run, plan, folder, cells, others)
    run = run.model_copy(update={"sessions": [*run.sessions, new_session()]})

    def keep(done: Run) -> None:
        run_folders.write_run(folder, done)

    if plan.platform.counts:
        counts = CountCache(cache / "counts")
        return count.count(run, files, launcher, keep, watcher, counts, plan.reuses_counts)
    return measure.measure(run, files, launcher, keep, watcher)


def _refuse_changed(
    run: Run, plan: Plan, folder: Path, cells: list[Cell], others: list[Cell]
) -> None:
    """Raise BadInputError unless a run is of these very experiments and networks."""
    if (run.experiments, run.cells, run.controls) != (plan.experiments, cells, others):
        raise BadInputError(
            "The experiments, their networks, or the versions of torch, onnx or numpy have changed "
            f"since {folder} was begun, so it cannot be continued: begin a new run."
        )


def earlier_run(plan: Plan, folder: Path, resume: bool) -> Run | None:
    """Return the run of `plan` that a folder holds, None for none.

    Raises BadInputError where it holds one and is not to `resume` it, or one of something else.
    """
    if not run_folders.has_run(folder):
        return None
    if not resume:
        raise BadInputError(
            f"{folder} holds a run already: continue it with --resume or choose another --out."
        )
    run = read_run(folder)
    found = differences(run, plan)
    if found:
        raise BadInputError(
            f"{folder} holds a run of something else (there / asked for): "
            f"{'; '.join(found)}. Ask for the same, or choose another --out."
        )
    return run


def prepare(
    plan: Plan, cache: Path, preparing: Callable[[int, int], None]
) -> tuple[list[Cell], list[Cell], dict[str, ModelFiles]]:
    """Return the plan's cells, the controls, and the files of both, exported where missing."""
    declared = plan.cells
    # Controls show the state of a machine, of which counts are free.
    wanted = [*declared, *([] if plan.platform.counts else controls(declared))]
    cells, files = [], {}
    platform, protocol = plan.platform, plan.protocol
    chosen = quantiser(platform.backend, protocol.precision, platform.is_local)
    for index, declaration in enumerate(wanted):
        preparing(index, len(wanted))
        cell, paths = model_files.prepare(
            declaration, platform.backend, protocol.seed, cache, plan.patience, chosen
        )
        if not platform.is_local and (paths.model.parent / apart.WEIGHTS).exists():
            raise BadInputError(
                f"{cell.row} has weights of over 2 GiB, which are copied to no board and no "
                "emulator: measure it on a platform of this machine."
            )
        cells.append(cell)
        files[cell.name] = paths
    preparing(len(wanted), len(wanted))
    return cells[: len(declared)], cells[len(declared) :], files


def begin(plan: Plan, fingerprint: Fingerprint, cells: list[Cell], others: list[Cell]) -> Run:
    """Return a run of `plan` in which nothing is measured yet."""
    return Run(
        platform=plan.platform,
        fingerprint=fingerprint,
        protocol=plan.protocol,
        experiments=plan.experiments,
        cells=cells,
        controls=others,
        sessions=[],
        processes=[],
        rounds=[],
        model=plan.cost_model,
    )


def new_session() -> Session:
    """Return a record of this call of the command line."""
    return Session(
        started=measure.now(),
        command=[readable(word) for word in command_line()],
        suite_version=importlib.metadata.version("guideline-benchmarks"),
        git_revision=_git_revision(),
        exporters=model_files.exporter_versions(),
    )


def command_line() -> list[str]:
    """Return the words that started this program, so that they start it again."""
    program, *words = sys.argv
    name = Path(program).name
    # A program has no suffix; what `python -m` starts is a file of Python.
    started = ["python", "-m", "guidelines"] if name.endswith(".py") else [name]
    return [*started, *words]


def resume_command(folder: Path) -> str:
    """Return the words, quoted for a shell, that continue in `folder` what this program began."""
    words = [word for word in command_line() if word != "--resume"]
    if not any(word.split("=")[0] == "--out" for word in words):
        words += ["--out", str(folder)]
    return shlex.join([*words, "--resume"])


def _git_revision() -> str | None:
    """Return the suite's commit, with "+changes" for a modified tree; None outside its checkout."""
    root = Path(__file__).resolve().parent.parent.parent
    describe = ("describe", "--always", "--abbrev=40", "--dirty=+changes", "--exclude=*")
    try:
        if Path(_git(root, "rev-parse", "--show-toplevel")).resolve() != root:
            return None
        return _git(root, *describe)
    except (OSError, subprocess.CalledProcessError):
        return None


def _git(root: Path, *words: str) -> str:
    # What a hook of another repository hands on names that repository, its index and its tree.
    environment = {n: value for n, value in os.environ.items() if not n.startswith("GIT_")}
    # Nor is an index written that somebody else may be working with.
    environment |= {"GIT_OPTIONAL_LOCKS": "0"}
    done = subprocess.run(
        ["git", "-C", str(root), *words], capture_output=True, check=True, env=environment
    )
    return os.fsdecode(done.stdout).strip()
