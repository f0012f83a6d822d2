"""What a trial compares: two arms, made of what the user asked for."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from guidelines.catalogue import select
from guidelines.experiment import Study
from guidelines.session import runs
from guidelines.session.options import Options
from results.errors import BadInputError, SuiteError
from results.gate.trial import Arm, ArmName, Trial, TrialProtocol
from results.record.platform import Platform
from results.record.protocol import Protocol
from runners.launcher import identify, launcher_of
from runners.platform_file import load_platform
from runners.quartets import Equipment


@dataclass(frozen=True)
class AskedSide:
    """What one arm is asked to be: a platform's name or file, and a Python ("" for its own)."""

    platform: str
    python: str = ""


@dataclass(frozen=True)
class Question:
    """What a trial is to compare, over which experiments, and how."""

    studies: Sequence[Study]
    a: AskedSide
    b: AskedSide
    measured: Protocol
    protocol: TrialProtocol
    extra: Sequence[float] = ()


def question(
    experiments: Sequence[str],
    a: AskedSide,
    b: AskedSide,
    protocol: TrialProtocol,
    options: Options,
    extra: Sequence[float] = (),
) -> Question:
    """Return what a trial is to compare; `channels` are arm A's platform's own by default.

    With `extra`, both arms execute so much extra work, in fractions of each network's time.

    Raises BadInputError for an unknown experiment or platform, and for one that compares nothing.
    """
    studies = select(experiments)
    for study in studies:
        if study.experiment.base is None:
            raise BadInputError(
                f"{study.name} takes run time apart and compares nothing: choose g1 to g4, or all."
            )
    measured = Protocol(
        runs=protocol.rounds,
        processes=1,
        seed=options.seed,
        channels=options.channels or load_platform(a.platform).channels,
        g4_unit=options.g4_unit,
        core=options.core,
    )
    return Question(studies, a, b, measured, protocol, extra)


def begin(question: Question, cache: Path) -> tuple[Trial, dict[ArmName, Equipment]]:
    """Return a trial in which nothing is measured yet, and what its workers are started with.

    Raises BadInputError for platforms that cannot be compared and the errors of runners.measure and
    guidelines.export.model_files, which name the arm.
    """
    sides: dict[ArmName, AskedSide] = {"a": question.a, "b": question.b}
    platforms = {name: load_platform(side.platform) for name, side in sides.items()}
    for name, side in sides.items():
        _refuse_untimed(name, side, platforms[name])
    arms: dict[ArmName, Arm] = {}
    equipment: dict[ArmName, Equipment] = {}
    for name, side in sides.items():
        try:
            arms[name], equipment[name] = _arm(question, side, platforms[name], cache)
        except SuiteError as error:
            raise type(error)(f"Arm {name.upper()} ({side.platform}): {error}") from None
    trial = Trial(
        a=arms["a"],
        b=arms["b"],
        measured=question.measured,
        protocol=question.protocol,
        experiments=[study.declared(question.measured.choice) for study in question.studies],
        extra=list(question.extra),
        sessions=[runs.new_session()],
    )
    return trial, equipment


def _refuse_untimed(name: ArmName, side: AskedSide, platform: Platform) -> None:
    if platform.counts:
        raise BadInputError(
            f"Arm {name.upper()} is platform {platform.name}, which counts instructions and times "
            "nothing: compare two of its runs with `guidelines check`."
        )
    if side.python and not platform.is_local:
        raise BadInputError(
            f"--{name}-python names a Python on this machine, and platform {platform.name} runs on "
            "a board: name the board's in its platform file."
        )


def _arm(
    question: Question, side: AskedSide, platform: Platform, cache: Path
) -> tuple[Arm, Equipment]:
    plan = runs.Plan(question.studies, platform, question.measured)
    launcher = launcher_of(platform, cache, python=side.python)
    launcher = dataclasses.replace(launcher, extra=list(question.extra))
    fingerprint = identify(platform, launcher, question.measured.core)
    cells, controls, files = runs.prepare(plan, cache, lambda *_: None)
    arm = Arm(
        platform=platform,
        python=side.python,
        fingerprint=fingerprint,
        cells=cells,
        controls=controls,
    )
    return arm, Equipment(launcher, files)
