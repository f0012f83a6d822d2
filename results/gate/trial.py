"""The record of a trial, which compares two sides in one session: quartets of fresh processes.

A trial is a folder: `trial.json` says what is compared and how, and `quartets/0001.json`, … hold
what was measured, each written whole. `part.json` holds what there is of the next (docs/gate.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AliasChoices, Field

from guideline_benchmarks.results.record.bounds import NonNegativeInt, PositiveInt
from guideline_benchmarks.results.record.cells import Cell, Experiment
from guideline_benchmarks.results.record.parts import Session
from guideline_benchmarks.results.record.platform import Fingerprint, Platform, Record
from guideline_benchmarks.results.record.protocol import Protocol

TRIAL_VERSION: Literal[1] = 1

SideName = Literal["a", "b"]
# What drifts steadily through a quartet weighs on both sides alike.
ORDER: tuple[SideName, ...] = ("a", "b", "b", "a")

Stage = Literal["screening", "confirmation"]
Fraction = Annotated[float, Field(gt=0, lt=1)]


class TrialProtocol(Record):
    """How a trial decides (docs/gate.md).

    A ratio (time of B over time of A) is a change beyond 1 + `margin`. `alpha` bounds the chance of
    any false SLOWER, and that of any false FASTER. `rounds` and `confirmation_rounds` are samples
    of a network in each process; `max_seconds` bounds the measurement.
    """

    margin: Fraction = 0.02
    alpha: Fraction = 0.05
    max_seconds: Annotated[float, Field(gt=0)] = 600.0
    rounds: PositiveInt = 6
    confirmation_rounds: PositiveInt = 12

    def rounds_of(self, stage: Stage) -> int:
        """Return the rounds of each process of a quartet in that stage."""
        return self.rounds if stage == "screening" else self.confirmation_rounds


@dataclass(frozen=True)
class Step:
    """What a quartet is to measure: the names of its cells; the controls always are, too."""

    stage: Stage
    cells: tuple[str, ...]


class Side(Record):
    """One of the two things compared: a platform with the program that runs its worker.

    `python` is what was asked for, "" for the platform's own. Its cells and controls are the other
    side's, but may be exported in another format.
    """

    platform: Platform
    python: str
    fingerprint: Fingerprint
    cells: list[Cell]
    controls: list[Cell]


class SideProcess(Record):
    """One fresh worker of a side: what it timed, by network name, in ns, round after round.

    Cells have one entry for each round, controls several.

    `extra_ns` are times of the same executions with known extra work (runners.worker.extra_work),
    one for each fraction. Networks that failed their proof have no times. Trials of
    earlier versions call the side "arm".
    """

    side: Annotated[SideName, Field(validation_alias=AliasChoices("side", "arm"))]
    started: str
    pid: PositiveInt
    core: NonNegativeInt | list[NonNegativeInt] | None
    load: float | None
    ns: dict[str, list[PositiveInt]]
    extra_ns: dict[str, list[list[PositiveInt]]] = Field(default={})
    failures: dict[str, str] = Field(default={})


class Part(Record):
    """What was measured of quartet `number`, the first being 0, before it was whole."""

    number: NonNegativeInt
    stage: Stage
    session: NonNegativeInt
    cells: list[str]
    seconds: Annotated[float, Field(ge=0)]
    processes: Annotated[list[SideProcess], Field(min_length=1, max_length=len(ORDER) - 1)]


class Quartet(Record):
    """Four fresh processes in the order of ORDER that timed the same networks, controls included.

    `cells` are the names of those that it was to decide on, `seconds` what it took, `session` the
    one that it was finished in.
    """

    stage: Stage
    session: NonNegativeInt
    cells: list[str]
    seconds: Annotated[float, Field(ge=0)]
    processes: Annotated[list[SideProcess], Field(min_length=len(ORDER), max_length=len(ORDER))]


class Trial(Record):
    """What is compared, and how.

    `extra` are fractions of known extra work, which both sides execute alike; only a study of
    the gate has them, and chooses which of it counts.
    """

    trial_version: Literal[1] = TRIAL_VERSION
    a: Side
    b: Side
    measured: Protocol
    protocol: TrialProtocol
    experiments: list[Experiment]
    extra: list[Fraction] = Field(default=[])
    sessions: list[Session]

    def side(self, name: SideName) -> Side:
        """One side by name."""
        return self.a if name == "a" else self.b
