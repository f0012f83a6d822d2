"""What a trial compares: two sides, made of what the user asked for."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from guideline_benchmarks.guidelines.catalogue import select
from guideline_benchmarks.guidelines.experiment import Declaration
from guideline_benchmarks.guidelines.session import runs
from guideline_benchmarks.guidelines.session.options import Options
from guideline_benchmarks.guidelines.session.planning import output_tolerance
from guideline_benchmarks.guidelines.session.possible import refuse_precision
from guideline_benchmarks.guidelines.session.threads import with_threads
from guideline_benchmarks.results.errors import BadInputError, SuiteError
from guideline_benchmarks.results.gate.trial import Side, SideName, Trial, TrialProtocol
from guideline_benchmarks.results.record.platform import Platform
from guideline_benchmarks.results.record.protocol import Protocol
from guideline_benchmarks.runners.claim import Claim
from guideline_benchmarks.runners.launcher import identify, launcher_of
from guideline_benchmarks.runners.platform_file import load_platform
from guideline_benchmarks.runners.side_worker import Equipment


@dataclass(frozen=True)
class AskedSide:
    """What one side is asked to be: a platform's name or file, and a Python ("" for its own)."""

    platform: str
    python: str = ""


@dataclass(frozen=True)
class Question:
    """What a trial is to compare, over which experiments, and how.

    `apart` says why it is to be made of quartets, "" where pairs are wanted; `threads` is what
    Options has of them, for both sides.
    """

    declarations: Sequence[Declaration]
    a: AskedSide
    b: AskedSide
    measured: Protocol
    protocol: TrialProtocol
    extra: Sequence[float] = ()
    apart: str = ""
    threads: str | None = None


def question(
    experiments: Sequence[str],
    a: AskedSide,
    b: AskedSide,
    protocol: TrialProtocol,
    options: Options,
    extra: Sequence[float] = (),
    apart: str = "",
) -> Question:
    """Return what a trial is to compare; `channels` are side A's platform's own by default.

    With `extra`, both sides execute so much extra work, in fractions of each network's time. It is
    of quartets if it says why its sides are to be kept `apart`.

    Raises BadInputError for an unknown experiment or platform, and for one that compares nothing.
    """
    declarations = select(experiments, options.channels)
    for declaration in declarations:
        if declaration.experiment.base is None:
            raise BadInputError(
                f"{declaration.name} takes run time apart and compares nothing: choose g1 to g4, "
                "or all."
            )
    platforms = []
    asked: dict[SideName, AskedSide] = {"a": a, "b": b}
    for name, side in asked.items():
        with _naming(name, side):
            platforms.append(load_platform(side.platform))
    measured = Protocol(
        runs=protocol.rounds,
        processes=1,
        seed=options.seed,
        channels=options.channels or platforms[0].channels,
        g4_unit=options.g4_unit,
        core=options.core,
        precision=options.precision,
        output_tolerance=output_tolerance(options.precision, [one.backend for one in platforms]),
    )
    return Question(declarations, a, b, measured, protocol, extra, apart, options.threads)


def begin(question: Question, cache: Path) -> tuple[Trial, dict[SideName, Equipment]]:
    """Return a trial in which nothing is measured yet, and what its workers are started with.

    It is of pairs where two workers can be alive at once on the same core.

    Raises BadInputError for platforms that cannot be compared and the errors of runners.measure and
    guidelines.export.model_files, which name the side.
    """
    asked: dict[SideName, AskedSide] = {"a": question.a, "b": question.b}
    platforms: dict[SideName, Platform] = {}
    for name, side in asked.items():
        with _naming(name, side):
            platforms[name] = _platform(question, name, side)
    apart = question.apart or _why_apart(platforms["a"], platforms["b"])
    # Of a pair both workers are alive at once.
    claim = Claim.of_this_process(shared=not apart)
    sides: dict[SideName, Side] = {}
    equipment: dict[SideName, Equipment] = {}
    for name, side in asked.items():
        with _naming(name, side):
            sides[name], equipment[name] = _side(question, side, platforms[name], cache, claim)
    trial = Trial(
        design="quartets" if apart else "pairs",
        apart=apart,
        a=sides["a"],
        b=sides["b"],
        measured=question.measured,
        protocol=question.protocol,
        experiments=[
            declaration.declared(question.measured.choice) for declaration in question.declarations
        ],
        extra=list(question.extra),
        sessions=[runs.new_session()],
    )
    return trial, equipment


@contextmanager
def _naming(name: SideName, side: AskedSide) -> Iterator[None]:
    """Have errors name the side that they are of."""
    try:
        yield
    except SuiteError as error:
        raise type(error)(f"Side {name.upper()} ({side.platform}): {error}") from None


def _platform(question: Question, name: SideName, side: AskedSide) -> Platform:
    """Return a side's platform, with its threads; raises BadInputError for one of no use here."""
    platform = load_platform(side.platform)
    _refuse_untimed(name, side, platform)
    refuse_precision(platform, question.measured.precision)
    return with_threads(platform, question.threads, question.measured.core, python=side.python)


def _why_apart(a: Platform, b: Platform) -> str:
    """Say why a worker of each platform cannot wait on the same core; "" where both can."""
    if a.on_gpu or b.on_gpu:
        return "two programs on one GPU share its memory and its clock"
    if _place(a) != _place(b):
        return "the sides run on two machines"
    return ""


def _place(platform: Platform) -> tuple[str, int | None]:
    """Return the machine that a platform's workers run on, as far as its file says."""
    return (platform.ssh.host, platform.ssh.port) if platform.ssh else ("", None)


def _refuse_untimed(name: SideName, side: AskedSide, platform: Platform) -> None:
    if platform.counts:
        raise BadInputError(
            "It counts instructions and times nothing: compare two of its runs with `guidelines "
            "check`."
        )
    if side.python and not platform.is_local:
        raise BadInputError(
            f"--{name}-python names a Python on this machine, and platform {platform.name} runs on "
            "a board: name the board's in its platform file."
        )


def _side(
    question: Question, side: AskedSide, platform: Platform, cache: Path, claim: Claim
) -> tuple[Side, Equipment]:
    plan = runs.Plan(question.declarations, platform, question.measured)
    launcher = launcher_of(platform, cache, python=side.python, claim=claim)
    launcher = dataclasses.replace(launcher, extra=list(question.extra))
    fingerprint = identify(platform, launcher, question.measured.core, question.measured.precision)
    cells, controls, files = runs.prepare(plan, cache, lambda *_: None)
    found = Side(
        platform=platform,
        python=side.python,
        fingerprint=fingerprint,
        cells=cells,
        controls=controls,
    )
    return found, Equipment(launcher, files)
