"""The record of a trial, which compares two sides in one session: replicates of fresh processes.

A replicate is a pair, a process of each side alive at once, or a quartet of processes one after the
other. A trial is a folder: `trial.json` says what is compared and how, and `pairs/0001.json`, … or
`quartets/0001.json`, … hold what was measured, each written whole. `part.json` holds what there is
of the next quartet (docs/gate.md).
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

TRIAL_VERSION: Literal[2] = 2

SideName = Literal["a", "b"]
# What drifts steadily through a quartet weighs on both sides alike.
ORDER: tuple[SideName, ...] = ("a", "b", "b", "a")

Design = Literal["pairs", "quartets"]
Stage = Literal["screening", "confirmation"]
Fraction = Annotated[float, Field(gt=0, lt=1)]


class TrialProtocol(Record):
    """How a trial decides (docs/gate.md).

    A ratio (time of B over time of A) is a change beyond 1 + `margin`. `alpha` bounds the chance of
    any false SLOWER, and that of any false FASTER. `rounds` and `confirmation_rounds` are samples
    of a network in each process of a quartet, `pair_rounds` and `pair_confirmation_rounds` in each
    of a pair; `max_seconds` bounds the measurement.
    """

    margin: Fraction = 0.02
    alpha: Fraction = 0.05
    max_seconds: Annotated[float, Field(gt=0)] = 600.0
    rounds: PositiveInt = 6
    confirmation_rounds: PositiveInt = 12
    pair_rounds: PositiveInt = 30
    pair_confirmation_rounds: PositiveInt = 100

    def rounds_of(self, design: Design, stage: Stage) -> int:
        """Return the rounds of each process of a replicate in that stage."""
        if design == "pairs":
            return self.pair_rounds if stage == "screening" else self.pair_confirmation_rounds
        return self.rounds if stage == "screening" else self.confirmation_rounds


@dataclass(frozen=True)
class Step:
    """What a replicate is to measure: the names of its networks.

    In the stage `confirmation` they are few, and all suspects, and get more rounds.

    Controls are among them in a pair; in a quartet they always are measured, and are not named.
    """

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

    A network has one entry for each round; in a quartet, controls have several. Entries of a pair's
    two processes at the same place were taken right after one another.

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


class Replicate(Record):
    """Fresh processes that timed the same networks: two of a pair, or four of a quartet.

    Those of a pair stand in the order in which they were started, those of a quartet in that of
    ORDER. `cells` are the names of a Step, `seconds` what it took, `session` the one that it was
    finished in.
    """

    stage: Stage
    session: NonNegativeInt
    cells: list[str]
    seconds: Annotated[float, Field(ge=0)]
    processes: Annotated[list[SideProcess], Field(min_length=2, max_length=len(ORDER))]


class Trial(Record):
    """What is compared, and how.

    `design` says what its replicates are, and `apart` why they are not pairs, if they are not.
    `measured` says how networks are made, warmed up and proved; how often they are timed stands in
    `protocol` alone.
    `extra` are fractions of known extra work, which both sides execute alike; only a study of
    the gate has them, and chooses which of it counts.
    """

    trial_version: Literal[1, 2] = TRIAL_VERSION
    design: Design = "quartets"
    apart: str = ""
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
