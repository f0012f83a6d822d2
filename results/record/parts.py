"""What a run's record is made of: sessions, processes with their proofs, rounds, and counts."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from guideline_benchmarks.results.record.bounds import (
    LONGEST_WORD,
    NonNegative,
    NonNegativeInt,
    PositiveInt,
)
from guideline_benchmarks.results.record.card import CardState, EventClock
from guideline_benchmarks.results.record.ceilings import Ceilings
from guideline_benchmarks.results.record.cells import Operators, Shape
from guideline_benchmarks.results.record.platform import Record

# Further samples of a GPU: with cold caches, and operator by operator where a graph is measured.
Beside = Literal["cold", "eager"]


class Session(Record):
    """One call of the command line that measured part of the run.

    `exporters` are the versions of what built and exported the networks.
    """

    started: str
    command: list[Annotated[str, Field(max_length=LONGEST_WORD)]]
    suite_version: str
    git_revision: str | None
    exporters: dict[str, str]


class OperatorCall(Record):
    """One operator of an execution: its name in the runtime, the node's name, and shapes.

    Shapes of scalars, and of what the runtime does not show, are empty. `recorded` counts what the
    profiler writes down inside the operator's time: further inputs, or operators that it called.
    """

    operator: str
    name: str
    inputs: list[Shape]
    outputs: list[Shape]
    recorded: NonNegativeInt = 0


class Proof(Record):
    """What one process found of a cell before timing it.

    `output_error` is the largest difference from the reference output over the largest output;
    `failure` says why the cell must not be timed. `otherwise` says which operators do not run as
    was asked for ("Add in f32"), `unproven` what the runtime does not tell of what it executes.
    `calls` are the operators of one execution, in order, of a cell that is profiled.
    """

    output_error: float | None
    operators: Operators | None
    failure: str | None
    otherwise: list[str] = Field(default=[])
    unproven: list[str] = Field(default=[])
    calls: list[OperatorCall] | None = None


class Process(Record):
    """One fresh worker, and the core, or cores, that it was kept on.

    `warmup_ns` and `proofs` are by cell name; load is the 1-minute average, `seconds` how long it
    took up to its last stored round. `ceilings` are measured at its end.

    `layouts` are the memory layouts of the networks, on a GPU the faster ones, by cell name, where
    they are not the usual one. On a GPU, `launch_ns` is how long the host takes to launch one
    execution, by cell name, and `clock` what events can tell apart.
    """

    index: NonNegativeInt
    session: NonNegativeInt
    started: str
    pid: PositiveInt
    core: NonNegativeInt | list[NonNegativeInt] | None
    load_start: NonNegative | None
    load_end: NonNegative | None
    peak_memory: NonNegativeInt | None
    warmup_ns: dict[str, list[PositiveInt]]
    proofs: dict[str, Proof]
    seconds: Annotated[float, Field(ge=0)] = 0.0
    ceilings: Ceilings | None = None
    layouts: dict[str, str] = Field(default={})
    launch_ns: dict[str, PositiveInt] = Field(default={})
    clock: EventClock | None = None


class Profile(Record):
    """One execution under the runtime's profiler: its wall time, and each operator's, in ns.

    `network` indexes cells and then controls; `operators_ns` is aligned with its proof's calls.
    """

    network: NonNegativeInt
    ns: PositiveInt
    operators_ns: Annotated[list[NonNegativeInt], Field(min_length=1)]


class Round(Record):
    """One pass over the cells: `order` indexes cells and then controls, `ns` is aligned with it.

    `ns` are never taken under a profiler; `profiles` are further executions of the same round.
    Where several threads run, `cpu_ns` is the processor time of all of them, aligned too.

    On a GPU, `beside` holds further samples, `sm_mhz` the clock after each sample, `discarded` how
    many before it were thrown away because the clock was too low, and `launch_shows` whether it
    holds a wait for the host though it is of a graph, all aligned with `order`, the last two empty
    where there was none; `card` is the card after the round.
    """

    process: NonNegativeInt
    round: NonNegativeInt
    order: Annotated[list[NonNegativeInt], Field(min_length=1)]
    ns: Annotated[list[PositiveInt], Field(min_length=1)]
    cpu_ns: list[NonNegativeInt] = Field(default=[])
    profiles: list[Profile] = Field(default=[])
    beside: dict[Beside, list[PositiveInt]] = Field(default={})
    sm_mhz: list[NonNegativeInt] = Field(default=[])
    discarded: list[NonNegativeInt] = Field(default=[])
    launch_shows: list[bool] = Field(default=[])
    card: CardState | None = None


class Count(Record):
    """What one fresh process executed of one network, counted around each inference.

    All lists are empty for a network that failed its proof, all but the first also where no caches
    were modelled. Misses are of the first-level instruction and data caches and, of data, of the
    second-level cache. Before version 4 of the record only `l1d_misses` and `l2_misses` were.
    """

    cell: str
    session: NonNegativeInt
    started: str
    proof: Proof
    instructions: list[PositiveInt]
    branches: list[NonNegativeInt] = Field(default=[])
    memory_bytes: list[NonNegativeInt] = Field(default=[])
    l1i_misses: list[NonNegativeInt] = Field(default=[])
    l1d_misses: list[NonNegativeInt] = Field(default=[])
    l2_misses: list[NonNegativeInt] = Field(default=[])
