"""What the command `guidelines advise` does around the measuring: where, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import typer
from onnx import ModelProto

from guideline_benchmarks.guidelines.session.advice.measuring import (
    Adviser,
    Looked,
    advise,
    begun,
    look_into,
)
from guideline_benchmarks.guidelines.session.measuring import written
from guideline_benchmarks.guidelines.session.options import Options
from guideline_benchmarks.guidelines.session.printing import print_json
from guideline_benchmarks.results.advice.json_object import advice_object
from guideline_benchmarks.results.advice.judged import Judged
from guideline_benchmarks.results.advice.ranking import costs_more
from guideline_benchmarks.results.advice.stored import holds_advice
from guideline_benchmarks.results.errors import BadInputError, CheckFailedError
from guideline_benchmarks.results.record.cells import UserNetwork, WholeNetwork
from guideline_benchmarks.results.store.files import RUNS, results_folder, write_file
from guideline_benchmarks.runners.platform_file import load_platform

NAME = "advise"


@dataclass(frozen=True)
class Asked:
    """What the command was asked for, by its options."""

    model: str
    network: WholeNetwork | UserNetwork
    platform: str
    options: Options
    out: Path | None
    resume: bool
    apply: Path | None
    fail_above: float | None
    everything: bool
    quiet: bool
    json: bool


def advise_and_publish(asked: Asked) -> None:
    """Measure, print and write an advice; raises CheckFailedError where a finding costs too much.

    Raises BadInputError for a platform that counts, and for a folder that holds advice already.
    """
    _refuse(asked)
    looked = look_into(asked.model, asked.network, asked.options)
    place = asked.out or (_newest(looked, asked) if asked.resume else None)
    with results_folder(place, NAME) as folder:
        quiet = asked.quiet or asked.json
        adviser = Adviser(asked.platform, asked.options, folder, quiet)
        judged, changed = advise(looked, adviser)
    _publish(judged, folder, asked)
    if asked.apply is not None:
        _apply(changed, asked.apply)
    if asked.fail_above is not None:
        _check(judged, asked.fail_above)


def _refuse(asked: Asked) -> None:
    """Raise BadInputError for what is known to be wrong before anything is looked at."""
    platform = load_platform(asked.platform, asked.options.machine)
    if platform.counts:
        raise BadInputError(
            f"Advice is made of times, and platform {platform.name} counts instructions: choose a "
            "platform that is timed."
        )
    if asked.apply is not None and asked.apply.suffix != ".onnx":
        raise BadInputError(
            f"--apply writes an ONNX file, say changed.onnx, and not {asked.apply}."
        )
    if asked.apply is not None and _same_file(asked.apply, Path(asked.model)):
        raise BadInputError(f"--apply would replace {asked.model} itself: name another file.")
    if asked.out is not None and not asked.resume and holds_advice(asked.out):
        raise BadInputError(
            f"{asked.out} holds advice already: continue it with --resume or choose another --out."
        )


def _same_file(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except (OSError, ValueError):
        # What is not there, or can be no file, is not the same.
        return False


def _newest(looked: Looked, asked: Asked) -> Path | None:
    """Return the newest stored advice that asks for the same and is not finished, or None."""
    for folder in sorted(RUNS.glob(f"{NAME}-*"), reverse=True):
        adviser = Adviser(asked.platform, asked.options, folder, quiet=True)
        try:
            if begun(looked, adviser):
                return folder
        except BadInputError:
            continue
    return None


def _publish(judged: Judged, folder: Path, asked: Asked) -> None:
    """Print what was asked for, and write the report."""
    # What draws plots need not be loaded while something is measured.
    from guideline_benchmarks.reports.advice.brief import print_advice
    from guideline_benchmarks.reports.advice.report import write_advice

    if asked.json:
        print_json(advice_object(judged))
    elif asked.quiet:
        typer.echo(folder)
    else:
        print_advice(judged, asked.everything)
    page = written(lambda: write_advice(judged, folder / "report"), folder, "advice")
    if not (asked.json or asked.quiet):
        typer.echo(f"\nPage: {page}")


def _apply(changed: ModelProto | None, file: Path) -> None:
    """Write the changed network; say what it is, or that there is none."""
    if changed is None:
        typer.echo(f"Nothing that can be put in pays, so {file} was not written.", err=True)
        return
    write_file(file, changed.SerializeToString(), "--apply")
    typer.echo(
        f"{file}: weights of changed layers are random, or 0 where layers became wider; train it "
        "before its accuracy says anything.",
        err=True,
    )


def _check(judged: Judged, percent: float) -> None:
    found = costs_more(judged, percent)
    if found:
        names = "; ".join(f"{one.found.guideline} {one.found.title}" for one in found)
        raise CheckFailedError(f"{len(found)} finding(s) cost more than {percent:g} %: {names}.")
