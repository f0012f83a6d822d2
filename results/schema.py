"""The record of one run: what `run.json` holds (docs/record.md; JSON Schema: run.schema.json)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from results.consistency import fault_of

# Version 2 added whole networks and profiles, version 3 counts and other machines than this one; a
# record of an earlier version is one of a later version without.
SCHEMA_VERSION: Literal[3] = 3

# Names become parts of file names: no separators, no leading dot.
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.@:-]*$", max_length=100)]
# Integers that fit any reader of JSON, and seeds that fit the generators.
NonNegativeInt = Annotated[int, Field(ge=0, le=2**63 - 1)]
PositiveInt = Annotated[int, Field(ge=1, le=2**63 - 1)]
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]
# Nothing that a shell, ssh, or ssh's configuration could take for more than a name.
HOST = r"^([A-Za-z0-9_:][A-Za-z0-9_.:%-]*)?$"
USER = r"^([A-Za-z0-9_][A-Za-z0-9_.@+-]*)?$"
PRINTABLE = r"^[^\x00-\x1f\x7f]*$"
# What runs on a board must need no torch and no code of this suite but the worker.
OVER_SSH = "onnxruntime-cpu"
# What says how a board is reached, and not what it is.
REACHING = ("host", "user", "port", "identity_file", "python")
AxisValue = bool | int | str
Shape = list[NonNegativeInt]


def shape_text(shape: Sequence[int | str]) -> str:
    """Return a shape as it is printed: "1×3×224×224"."""
    return "×".join(str(size) for size in shape)


class Record(BaseModel):
    """An immutable part of the record; unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Platform(Record):
    """Hardware, how it is reached, and backend: the content of a platform file.

    `channels` is the channel set measured by default, `threads` the runtime's own. An emulator is
    not timed: what it executes is counted, and its unit is instructions. The rest says how a board
    is reached by ssh: what is empty or None is left to ssh's own configuration. `python` is the
    board's, a path from its home folder or a name that its shell finds.
    """

    name: Name
    backend: Name
    description: str = ""
    transport: Literal["local", "ssh", "emulator"] = "local"
    threads: Annotated[int, Field(ge=1, le=256)] = 1
    channels: Literal["gpu", "arm"] = "arm"
    unit: Literal["images/s", "batches/s", "instructions"] = "images/s"
    host: Annotated[str, Field(pattern=HOST, max_length=255)] = ""
    user: Annotated[str, Field(pattern=USER, max_length=255)] = ""
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    identity_file: Annotated[str, Field(pattern=PRINTABLE)] = ""
    python: Annotated[str, Field(pattern=PRINTABLE, min_length=1)] = "python3"

    @model_validator(mode="after")
    def _counts_or_times(self) -> Self:
        if self.counts != (self.unit == "instructions"):
            raise ValueError('transport "emulator" and unit "instructions" go together')
        if self.counts and self.threads != 1:
            raise ValueError("one thread alone is counted, so there must be one")
        return self

    @model_validator(mode="after")
    def _can_be_reached(self) -> Self:
        if self.transport == "ssh":
            if not self.host:
                raise ValueError('transport "ssh" needs a host')
            if self.backend != OVER_SSH:
                raise ValueError(f'only backend "{OVER_SSH}" runs on a board reached by ssh')
            return self
        for field in REACHING:
            if getattr(self, field) != type(self).model_fields[field].default:
                raise ValueError(f'{field} needs transport = "ssh"')
        return self

    @property
    def counts(self) -> bool:
        """Whether executed instructions are counted here and nothing is timed."""
        return self.transport == "emulator"


class Cluster(Record):
    """Cores of a machine that are alike: the name of each, how many, their numbers, their clock.

    `cpus` is empty where cores are not numbered (macOS), a frequency is None where none is shown.
    """

    core: str
    count: PositiveInt
    cpus: list[NonNegativeInt]
    min_mhz: PositiveInt | None
    max_mhz: PositiveInt | None


class Machine(Record):
    """What identifies a machine; memory and caches in bytes, None for what it does not show.

    `clusters` are its kinds of cores, the fastest first; `caches` are those of the fastest.
    """

    hostname: str
    architecture: str
    cpu_model: str
    clusters: list[Cluster] = []
    cpu_features: list[str]
    cores: PositiveInt
    caches: dict[str, NonNegativeInt]
    memory: NonNegativeInt
    governor: str | None
    virtualisation: str | None
    os: str
    python: str


class Fingerprint(Machine):
    """The machine and the software that a run was measured on.

    A run may be continued only where all of this is the same. `runtimes` are versions by name,
    `worker` is the digest of the program that timed.
    """

    runtimes: dict[str, str]
    worker: str


class NetworkChoice(Record):
    """What a run may choose about the networks: the channel set, and how Table 4's unit is read."""

    channels: Literal["gpu", "arm"] = "arm"
    g4_unit: Literal["bottleneck", "equal-width"] = "bottleneck"


class Protocol(NetworkChoice):
    """How a run was measured (docs/protocol.md).

    Each cell gets `runs` samples: one a round, the rounds spread over `processes` fresh workers.
    Warm-up lasts until an execution is not faster than the fastest before it by more than
    `steady_within` (a fraction), within `warmup_min` to `warmup_max` executions. Networks that
    take less than `lead_in_below_ms` run once untimed before each sample. `core` is the core, or
    cluster of cores, that the run was asked to be kept on; None is the fastest.

    Where instructions are counted, each cell gets `runs` counts in a row, in a fresh process of its
    own, after `warmup_min` executions; `caches` says that misses of modelled caches are, too.
    """

    runs: PositiveInt
    processes: PositiveInt
    seed: Seed = 0
    batch: PositiveInt = 1
    warmup_min: PositiveInt = 2
    warmup_max: PositiveInt = 10
    steady_within: float = 0.05
    lead_in_below_ms: float = 8.0
    output_tolerance: float = 1e-4
    core: str | None = None
    caches: bool = False


class Experiment(Record):
    """One table or figure: what is claimed, and the row that the others are compared with.

    `slower` says that the guideline predicts the other rows to be slower than the base. `base` is
    None for a decomposition of run time, which compares no rows.
    """

    name: Name
    table: str
    title: str
    claim: str
    axes: list[str]
    base: str | None
    slower: bool = True


class Network(Record):
    """How a network is built: a block of networks.blocks, its arguments, and how many of it.

    `channels` and `size` give the input: (1, channels, size, size).
    """

    block: str
    arguments: dict[str, AxisValue]
    channels: PositiveInt
    size: PositiveInt = 56
    times: PositiveInt = 10

    @property
    def input_shape(self) -> tuple[int, ...]:
        """(batch, channels, height, width)."""
        return (1, self.channels, self.size, self.size)


class WholeNetwork(Record):
    """A network of networks.catalogue by name; `size` is the height and width of its RGB input."""

    name: str
    size: PositiveInt = 224

    @property
    def input_shape(self) -> tuple[int, ...]:
        """(batch, channels, height, width)."""
        return (1, 3, self.size, self.size)


class UserNetwork(Record):
    """A network that the user named: the path of an .onnx file, or module:callable."""

    model: str
    input: Annotated[list[PositiveInt], Field(min_length=1)]

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The input's shape, batch first."""
        return tuple(self.input)


class Operators(Record):
    """Operators in one execution, fused or not."""

    convolutions: NonNegativeInt = 0
    adds: NonNegativeInt = 0
    relus: NonNegativeInt = 0


class CellDeclaration(Record):
    """One entry of a table as its experiment declares it: a network and what it must execute.

    `operators` is None where nothing is claimed but the output. A `profiled` network is also
    executed under the runtime's profiler in every round.
    """

    experiment: Name
    row: str
    scale: PositiveInt
    axes: dict[str, AxisValue]
    network: Network | WholeNetwork | UserNetwork
    operators: Operators | None
    profiled: bool = False

    @property
    def name(self) -> str:
        """The cell's name, unique in a run: experiment/row/xscale."""
        return f"{self.experiment}/{self.row}/x{self.scale}"


class Cell(CellDeclaration):
    """A declared cell with what it costs analytically (for the whole batch).

    Memory access cost, its bound and weights in elements. All are 0 for a network that the user
    named, whose cost nobody counts. `model` is the digest of the exported network that was timed.
    """

    multiply_adds: NonNegativeInt
    memory_access_cost: NonNegativeInt
    memory_access_bytes: NonNegativeInt
    memory_access_bound: float
    weights: NonNegativeInt
    model: str


class Session(Record):
    """One call of the command line that measured part of the run.

    `exporters` are the versions of what built and exported the networks.
    """

    started: str
    command: list[str]
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
    `failure` says why the cell must not be timed. `calls` are the operators of one execution, in
    order, of a cell that is profiled.
    """

    output_error: float | None
    operators: Operators | None
    failure: str | None
    calls: list[OperatorCall] | None = None


class Process(Record):
    """One fresh worker, and the core, or cores, that it was kept on.

    `warmup_ns` and `proofs` are by cell name; load is the 1-minute average.
    """

    index: NonNegativeInt
    session: NonNegativeInt
    started: str
    pid: PositiveInt
    core: NonNegativeInt | list[NonNegativeInt] | None
    load_start: float | None
    load_end: float | None
    peak_memory: NonNegativeInt | None
    warmup_ns: dict[str, list[PositiveInt]]
    proofs: dict[str, Proof]


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
    """

    process: NonNegativeInt
    round: NonNegativeInt
    order: Annotated[list[NonNegativeInt], Field(min_length=1)]
    ns: Annotated[list[PositiveInt], Field(min_length=1)]
    profiles: list[Profile] = []


class Count(Record):
    """What one fresh process executed of one network, counted around each inference.

    All lists are empty for a network that failed its proof, those of misses also where no caches
    were modelled. Misses are of the first-level data cache and of the second-level cache.
    """

    cell: str
    session: NonNegativeInt
    started: str
    proof: Proof
    instructions: list[PositiveInt]
    l1d_misses: list[NonNegativeInt] = []
    l2_misses: list[NonNegativeInt] = []


class Run(Record):
    """One recorded measurement of some experiments on one platform.

    Either processes and their rounds were timed, or networks were counted one by one.
    """

    schema_version: Literal[1, 2, 3] = SCHEMA_VERSION
    platform: Platform
    fingerprint: Fingerprint
    protocol: Protocol
    experiments: list[Experiment]
    cells: list[Cell]
    controls: list[Cell]
    sessions: list[Session]
    processes: list[Process]
    rounds: list[Round]
    counts: list[Count] = []

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        fault = fault_of(self)
        if fault:
            raise ValueError(fault)
        return self

    @cached_property
    def networks(self) -> list[Cell]:
        """Cells, then controls: what a round's order indexes."""
        return [*self.cells, *self.controls]

    @property
    def failures(self) -> dict[str, str]:
        """Networks that failed their proof in any process, by name, with the reason."""
        proofs = [pair for process in self.processes for pair in process.proofs.items()]
        proofs += [(count.cell, count.proof) for count in self.counts]
        return {name: proof.failure for name, proof in proofs if proof.failure is not None}

    @property
    def complete(self) -> bool:
        """Whether every planned round was measured, or every network counted."""
        if self.platform.counts:
            return len(self.counts) == len(self.networks)
        return len(self.rounds) >= self.protocol.runs


def json_schema() -> str:
    """Return the JSON Schema of `run.json`; `python -m results.schema` prints it."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Run.model_json_schema(),
    }
    return json.dumps(schema, indent=2) + "\n"


if __name__ == "__main__":
    print(json_schema(), end="")
