"""How the cells of one platform have gone over many runs, and where they changed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from guideline_benchmarks.results.errors import BadInputError
from guideline_benchmarks.results.history.change_points import change_points
from guideline_benchmarks.results.record.same_machine import MACHINE
from guideline_benchmarks.results.record.samples import by_process
from guideline_benchmarks.results.record.schema import Run
from guideline_benchmarks.results.statistics.mixture import COMPUTE_BOUND, MEMORY_HEAVY, mixture
from guideline_benchmarks.results.store.compressed import stored_files
from guideline_benchmarks.results.store.files import readable
from guideline_benchmarks.results.store.run_folders import FILE, read_run

Array = NDArray[np.float64]

# Of a fingerprint, what must be the same, to the letter, for runs to be of one machine.
SAME = tuple(field for field in MACHINE if field not in ("machine", "clusters", "memory"))
# Of a protocol, what makes cells of the same name the same networks.
NETWORKS = ("channels", "g4_unit")


@dataclass(frozen=True)
class Digest:
    """What a history takes from one run: log typical times (ns) or log instructions, by network.

    `host` and `name` are what the machine's host and the machine itself are called. `networks` says
    what its cells are: channel set, Table 4's unit, batch, precision, threads. `controls` are the
    names of those that are no cells.
    """

    folder: str
    started: str
    platform: str
    machine: tuple[str, ...]
    host: str
    name: str
    networks: tuple[str, ...]
    runtimes: str
    counted: bool
    logs: Mapping[str, float]
    controls: frozenset[str]

    @property
    def called(self) -> str:
        """What its machine is called: its name, or its host's where it has none."""
        return self.name or self.host


@dataclass(frozen=True)
class Trend:
    """One network over the runs: log values as it went, NaN where a run lacks it.

    `changes` are the indexes of runs at which a new level begins.
    """

    name: str
    values: Array
    changes: Sequence[int]

    def levels(self) -> Array:
        """Return the level at each run: the mean between changes."""
        edges = [0, *self.changes, len(self.values)]
        parts = [self.values[a:b] for a, b in pairwise(edges)]
        means = [float(np.nanmean(part)) for part in parts]
        return np.repeat(means, [len(part) for part in parts])


@dataclass(frozen=True)
class History:
    """The runs of one platform on one machine, oldest first; `left_out` says what is not in it.

    `trends` are of cells, corrected by the controls (where there is time); `drifts` are of the
    controls themselves.
    """

    runs: Sequence[Digest]
    trends: Sequence[Trend]
    drifts: Sequence[Trend]
    left_out: Sequence[str]


def digest(folder: Path) -> Digest | str:
    """Return what a history needs of the run in a folder, or why it cannot be read."""
    try:
        run = read_run(folder)
    except BadInputError as error:
        return readable(str(error))
    fingerprint, protocol = run.fingerprint.model_dump(), run.protocol
    counted = bool(run.counts)
    return Digest(
        folder=readable(folder.name),
        started=run.sessions[0].started if run.sessions else "",
        platform=run.platform.name,
        machine=tuple(str(fingerprint[field]) for field in SAME),
        host=run.fingerprint.hostname,
        name=run.fingerprint.machine,
        networks=(
            *(str(getattr(protocol, field)) for field in NETWORKS),
            # Records of earlier versions have the paper's batch alone.
            str(protocol.batch or 1),
            protocol.precision,
            str(run.platform.threads),
        ),
        runtimes=", ".join(f"{n} {v}" for n, v in sorted(fingerprint["runtimes"].items())),
        counted=counted,
        logs=_counts(run) if counted else _typical_logs(run),
        controls=frozenset(control.name for control in run.controls),
    )


def _counts(run: Run) -> dict[str, float]:
    return {c.cell: math.log(min(c.instructions)) for c in run.counts if c.instructions}


def _typical_logs(run: Run) -> dict[str, float]:
    """Return each network's mean over processes of their typical log times.

    These are results.gate.ratios.typical_log, for all networks of a process at once. Networks that
    failed their proof in any process are left out.
    """
    rounds = ((entry.process, entry.order, entry.ns) for entry in run.rounds)
    typical = []
    for times in by_process(rounds, len(run.networks)).values():
        ordered = np.sort(np.log(times), axis=0)
        typical.append(ordered[: (len(times) + 1) // 2].mean(axis=0))
    means = np.mean(typical, axis=0) if typical else np.full(len(run.networks), math.nan)
    return {
        network.name: float(mean)
        for network, mean in zip(run.networks, means, strict=True)
        if not math.isnan(mean)
    }


def folders_in(folder: Path) -> list[Path]:
    """Return the folders of runs right below a folder; raises BadInputError where there is none."""
    folders = [file.parent for file in stored_files(folder, f"*/{FILE}")]
    if not folders:
        raise BadInputError(f"There is no run in {folder}: no folder right below it has a {FILE}.")
    return folders


def history_of(found: Sequence[Digest | str], platform: str | None = None) -> History:
    """Return the history of one platform, on the machine of its newest run.

    Raises BadInputError when there are runs of several platforms and none is chosen, or none of the
    chosen one.
    """
    left_out = [entry for entry in found if isinstance(entry, str)]
    runs = [entry for entry in found if isinstance(entry, Digest)]
    runs.sort(key=lambda run: (run.started, run.folder))
    platforms = list(dict.fromkeys(run.platform for run in runs))
    if platform is None and len(platforms) > 1:
        raise BadInputError(
            f"There are runs of {', '.join(platforms)}: choose one with --platform."
        )
    chosen = platform or (platforms[0] if platforms else None)
    runs = [run for run in runs if run.platform == chosen]
    left_out += [f"{run.folder} measured nothing." for run in runs if not run.logs]
    runs = [run for run in runs if run.logs]
    if not runs:
        of = f"of {chosen} " if chosen else ""
        why = " ".join(left_out) or f"there are runs of {', '.join(platforms)} alone."
        raise BadInputError(f"There is no run {of}to tell of: {why}")
    newest = runs[-1]
    here = [
        run
        for run in runs
        if run.machine == newest.machine and len({run.name, newest.name} - {""}) < 2
    ]
    if len(here) < len(runs):
        elsewhere = sorted({run.called for run in runs if run not in here})
        where = f" ({', '.join(elsewhere)})" if elsewhere else ""
        left_out.append(
            f"{len(runs) - len(here)} run(s) of other machines than the newest one's{where} are "
            "left out."
        )
    same = [run for run in here if run.networks == runs[-1].networks]
    if len(same) < len(here):
        left_out.append(
            f"{len(here) - len(same)} run(s) in which cells are something else than in the newest "
            "one (channel set, Table 4's unit, batch, precision or threads) are left out."
        )
    return _history(same, left_out)


def _history(runs: Sequence[Digest], left_out: list[str]) -> History:
    names = list(dict.fromkeys(name for run in runs for name in run.logs))
    values = {
        name: np.array([run.logs.get(name, math.nan) for run in runs], float) for name in names
    }
    controls = frozenset.union(*(run.controls for run in runs))
    cells = {name: values[name] for name in names if name not in controls}
    if not runs[0].counted:
        if not {COMPUTE_BOUND, MEMORY_HEAVY} <= controls & values.keys():
            raise BadInputError("Runs without controls cannot be told from drifts of the machine.")
        compute, memory = values[COMPUTE_BOUND], values[MEMORY_HEAVY]
        cells = {name: _corrected(series, compute, memory) for name, series in cells.items()}
    drifts = {name: values[name] for name in (COMPUTE_BOUND, MEMORY_HEAVY) if name in values}
    return History(runs, _trends(cells), _trends(drifts), left_out)


def _corrected(series: Array, compute: Array, memory: Array) -> Array:
    """Return log times less those of the controls' mixture, chosen by steps from run to run."""
    own, apart = series - memory, compute - memory
    x, y = np.diff(apart), np.diff(own)
    known = ~(np.isnan(x) | np.isnan(y))
    return own - mixture(x[known], y[known]) * apart


def _trends(values: Mapping[str, Array]) -> list[Trend]:
    """Return trends with their changes; networks that the same runs have are searched at once."""
    changes: dict[str, list[int]] = {}
    groups: dict[bytes, list[str]] = {}
    values = {name: series for name, series in values.items() if not np.isnan(series).all()}
    for name, series in values.items():
        groups.setdefault(np.isnan(series).tobytes(), []).append(name)
    for names in groups.values():
        places = np.flatnonzero(~np.isnan(values[names[0]]))
        series = np.stack([values[name][places] for name in names])
        for name, found in zip(names, change_points(series), strict=True):
            changes[name] = [int(places[index]) for index in found]
    return [Trend(name, series, changes[name]) for name, series in values.items()]
