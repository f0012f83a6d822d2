"""The record of one run: what `run.json` holds (docs/record.md; JSON Schema: run.schema.json)."""

from __future__ import annotations

import json
from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

SCHEMA_VERSION: Literal[1] = 1

# Names become parts of file names: no separators, no leading dot.
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.@:-]*$", max_length=100)]
# Integers that fit any reader of JSON, and seeds that fit the generators.
NonNegativeInt = Annotated[int, Field(ge=0, le=2**63 - 1)]
PositiveInt = Annotated[int, Field(ge=1, le=2**63 - 1)]
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]
AxisValue = bool | int | str


class Record(BaseModel):
    """An immutable part of the record; unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Platform(Record):
    """Hardware, how it is reached, and backend: the content of a platform file.

    `channels` is the channel set measured by default, `threads` the runtime's own.
    """

    name: Name
    backend: Name
    description: str = ""
    transport: Literal["local"] = "local"
    threads: Annotated[int, Field(ge=1, le=256)] = 1
    channels: Literal["gpu", "arm"] = "arm"
    unit: Literal["images/s", "batches/s"] = "images/s"


class Machine(Record):
    """What identifies a machine; memory and caches in bytes, None for what it does not show."""

    hostname: str
    architecture: str
    cpu_model: str
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
    take less than `lead_in_below_ms` run once untimed before each sample.
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


class Experiment(Record):
    """One guideline's table: what is claimed, and the row that the others are compared with.

    `slower` says that the guideline predicts the other rows to be slower than the base.
    """

    name: Name
    table: str
    title: str
    claim: str
    axes: list[str]
    base: str
    slower: bool


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
    def input_shape(self) -> tuple[int, int, int, int]:
        """(batch, channels, height, width)."""
        return (1, self.channels, self.size, self.size)


class Operators(Record):
    """Operators in one execution, fused or not."""

    convolutions: NonNegativeInt = 0
    adds: NonNegativeInt = 0
    relus: NonNegativeInt = 0


class CellDeclaration(Record):
    """One entry of a table as its experiment declares it: a network and what it must execute."""

    experiment: Name
    row: str
    scale: PositiveInt
    axes: dict[str, AxisValue]
    network: Network
    operators: Operators

    @property
    def name(self) -> str:
        """The cell's name, unique in a run: experiment/row/xscale."""
        return f"{self.experiment}/{self.row}/x{self.scale}"


class Cell(CellDeclaration):
    """A declared cell with what it costs analytically (for the whole batch).

    Memory access cost, its bound and weights in elements; `model` is the digest of the exported
    network that was timed.
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


class Proof(Record):
    """What one process found of a cell before timing it.

    `output_error` is the largest difference from torch's output over the largest output;
    `failure` says why the cell must not be timed.
    """

    output_error: float | None
    operators: Operators | None
    failure: str | None


class Process(Record):
    """One fresh worker. `warmup_ns` and `proofs` are by cell name; load is the 1-minute average."""

    index: NonNegativeInt
    session: NonNegativeInt
    started: str
    pid: PositiveInt
    core: NonNegativeInt | None
    load_start: float | None
    load_end: float | None
    peak_memory: NonNegativeInt | None
    warmup_ns: dict[str, list[PositiveInt]]
    proofs: dict[str, Proof]


class Round(Record):
    """One pass over the cells: `order` indexes cells and then controls, `ns` is aligned with it."""

    process: NonNegativeInt
    round: NonNegativeInt
    order: Annotated[list[NonNegativeInt], Field(min_length=1)]
    ns: Annotated[list[PositiveInt], Field(min_length=1)]


class Run(Record):
    """One recorded measurement of some experiments on one platform."""

    schema_version: Literal[1] = SCHEMA_VERSION
    platform: Platform
    fingerprint: Fingerprint
    protocol: Protocol
    experiments: list[Experiment]
    cells: list[Cell]
    controls: list[Cell]
    sessions: list[Session]
    processes: list[Process]
    rounds: list[Round]

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        fault = _fault_of_cells(self) or _fault_of_processes(self) or _fault_of_rounds(self)
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
        return {
            name: proof.failure
            for process in self.processes
            for name, proof in process.proofs.items()
            if proof.failure is not None
        }

    @property
    def complete(self) -> bool:
        """Whether every planned round was measured."""
        return len(self.rounds) >= self.protocol.runs


def _fault_of_cells(run: Run) -> str | None:
    """Say what is wrong with the experiments and cells of a run, if anything."""
    experiments = {experiment.name: experiment for experiment in run.experiments}
    if len(experiments) < len(run.experiments):
        return "two experiments share a name"
    if len({cell.name for cell in run.networks}) < len(run.networks):
        return "two cells share a name"
    for cell in run.cells:
        if cell.experiment not in experiments:
            return f"cell {cell.name} names an unknown experiment"
        if set(cell.axes) != set(experiments[cell.experiment].axes):
            return f"cell {cell.name} has other axes than its experiment"
        if not cell.multiply_adds:
            return f"cell {cell.name} has no multiply-adds"
    rows = {(cell.experiment, cell.row) for cell in run.cells}
    for experiment in run.experiments:
        if (experiment.name, experiment.base) not in rows:
            return f"experiment {experiment.name} has no base cell"
    return None


def _fault_of_processes(run: Run) -> str | None:
    """Say what is wrong with the processes of a run, if anything."""
    names = {cell.name for cell in run.networks}
    if [process.index for process in run.processes] != list(range(len(run.processes))):
        return "processes are not numbered from 0 upwards"
    for process in run.processes:
        if process.session >= len(run.sessions):
            return "a process names an unknown session"
        if set(process.proofs) != names:
            return f"process {process.index} did not prove just the networks of the run"
    return None


def _fault_of_rounds(run: Run) -> str | None:
    """Say what is wrong with the rounds of a run, if anything."""
    if len(run.rounds) > run.protocol.runs:
        return "there are more rounds than the protocol asks for"
    if len({(entry.process, entry.round) for entry in run.rounds}) < len(run.rounds):
        return "a round is there twice"
    proved: dict[int, list[int]] = {
        process.index: [
            index
            for index, cell in enumerate(run.networks)
            if process.proofs[cell.name].failure is None
        ]
        for process in run.processes
    }
    for entry in run.rounds:
        if entry.process not in proved:
            return "a round names an unknown process"
        if sorted(entry.order) != proved[entry.process]:
            return "a round did not measure each proved network once"
        if len(entry.order) != len(entry.ns):
            return "a round's order and times do not match"
    return None


def json_schema() -> str:
    """Return the JSON Schema of `run.json`; `python -m results.schema` prints it."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Run.model_json_schema(),
    }
    return json.dumps(schema, indent=2) + "\n"


if __name__ == "__main__":
    print(json_schema(), end="")
