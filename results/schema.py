"""The record of one run: what `run.json` holds (docs/record.md; JSON Schema: run.schema.json)."""

from __future__ import annotations

import json
from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt, model_validator

SCHEMA_VERSION: Literal[1] = 1

# Names become parts of file names: no separators, no leading dot.
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.@:-]*$", max_length=100)]
AxisValue = bool | int | str


class Record(BaseModel):
    """An immutable part of the record; unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Platform(Record):
    """Hardware, how it is reached, and backend: the content of a platform file.

    `channels` is the channel set measured by default, `threads` the runtime's own.
    """

    name: Name
    backend: Name
    description: str = ""
    transport: Literal["local"] = "local"
    threads: PositiveInt = 1
    channels: Literal["gpu", "arm"] = "arm"
    unit: Literal["images/s", "batches/s"] = "images/s"


class Fingerprint(Record):
    """What identifies the machine and the software that a run was measured on.

    Sizes in bytes. Runs may be continued only where all of this is the same. `worker` is the
    digest of the program that timed.
    """

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
    seed: NonNegativeInt = 0
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
    """One call of the command line that measured part of the run."""

    started: str
    command: list[str]
    suite_version: str
    git_revision: str | None


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
    order: list[NonNegativeInt]
    ns: list[PositiveInt]


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
    def _references_are_whole(self) -> Self:
        known = {experiment.name for experiment in self.experiments}
        for cell in self.cells:
            if cell.experiment not in known:
                raise ValueError(f"cell {cell.name} names an unknown experiment")
        names = [cell.name for cell in self.networks]
        if len(set(names)) != len(names):
            raise ValueError("two cells share a name")
        if [process.index for process in self.processes] != list(range(len(self.processes))):
            raise ValueError("processes are not numbered from 0 upwards")
        if any(process.session >= len(self.sessions) for process in self.processes):
            raise ValueError("a process names an unknown session")
        for entry in self.rounds:
            if entry.process >= len(self.processes):
                raise ValueError("a round names an unknown process")
            if len(entry.order) != len(entry.ns) or len(set(entry.order)) != len(entry.order):
                raise ValueError("a round's order and times do not match")
            if max(entry.order, default=0) >= len(names):
                raise ValueError("a round names an unknown cell")
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


def json_schema() -> str:
    """Return the JSON Schema of `run.json`; `python -m results.schema` prints it."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Run.model_json_schema(),
    }
    return json.dumps(schema, indent=2) + "\n"


if __name__ == "__main__":
    print(json_schema(), end="")
