"""What a worker may say (runners.worker), checked as it arrives."""

from __future__ import annotations

import json
import textwrap
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from guideline_benchmarks.results.record.bounds import NonNegativeInt, PositiveInt
from guideline_benchmarks.results.record.card import CardState, EventClock
from guideline_benchmarks.results.record.ceilings import Ceilings
from guideline_benchmarks.results.record.cells import Operators
from guideline_benchmarks.results.record.parts import Beside, OperatorCall
from guideline_benchmarks.results.record.platform import Gpu, Machine
from guideline_benchmarks.results.record.text import is_plain, plain

LONGEST_REASON = 300


class WorkerEvent(BaseModel):
    """Anything a worker says; values of other types than declared are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Ready(WorkerEvent):
    """The runtime is there; `load` is the 1-minute average, `core` what it is pinned to.

    On a GPU, `gpu` is the card and `clock` what its events can tell apart.
    """

    event: Literal["ready"]
    pid: PositiveInt
    core: NonNegativeInt | list[NonNegativeInt] | None
    load: float | None
    machine: Machine
    runtimes: dict[str, str]
    gpu: Gpu | None = None
    clock: EventClock | None = None


class Refused(WorkerEvent):
    """The machine cannot be measured, or not now."""


class Unavailable(Refused):
    """The runtime is not there, or it was `asked_wrong`: for something that cannot be."""

    event: Literal["unavailable"]
    reason: str
    asked_wrong: bool = False

    @property
    def clause(self) -> str:
        """The reason as a part of a sentence."""
        return textwrap.shorten(self.reason, LONGEST_REASON, placeholder=" …").rstrip(".")


class Lacks(WorkerEvent):
    """A board greets, and lacks the files of these digests (runners.transports.board_agent)."""

    event: Literal["lacks"]
    files: list[str]


class Held(Refused):
    """Somebody else has the machine's lock (runners.transports.board_lock), or left it there.

    What is not known of who that is is "" or 0. `alive` says that they are at work there.
    """

    event: Literal["held"] = "held"
    owner: str
    process: NonNegativeInt
    since: str
    alive: bool


class Released(WorkerEvent):
    """Nobody has the board's lock under the token that was named."""

    event: Literal["released"]


class Stored(WorkerEvent):
    """A board has stored the file that it was sent."""

    event: Literal["stored"]


class Board(WorkerEvent):
    """What a board is, its Python, the versions of `packages` it was asked for, its cache folder.

    A version is None for what is missing. `core` is what a worker is kept on by default, `bits`
    says for how many Python is built, `managed` that it is the system's, into which pip must not
    install, `debian` that it is that of Debian or a descendant, `tools` which of pip and ensurepip
    it has; `free` is the space left for the folder in bytes, `lock` who has the board's lock.
    """

    event: Literal["board"]
    machine: Machine
    core: NonNegativeInt | list[NonNegativeInt] | None
    executable: str
    bits: int
    packages: dict[str, str | None]
    managed: bool
    debian: bool
    tools: list[Literal["pip", "ensurepip"]]
    folder: str
    free: NonNegativeInt
    lock: Held | None = None


class Executed(WorkerEvent):
    """What one execution runs: an optimised ONNX graph (base64), or operators by count.

    `otherwise` says which do not run as the others do ("Add in f32"), `unproven` what the runtime
    does not tell.
    """

    graph: str | None = None
    operators: Operators | None = None
    otherwise: list[str] = []
    unproven: list[str] = []


class Loaded(WorkerEvent):
    """A network is loaded and warm; an infinite `output_error` arrives as None.

    There are no times where none are taken. `layout` is the memory layout, on a GPU the faster one,
    where it is not the usual one. On a GPU, `launch_ns` is how long the host takes to launch one
    execution.
    """

    event: Literal["loaded"]
    cell: NonNegativeInt
    warmup_ns: list[PositiveInt]
    output_error: float | None
    executed: Executed
    calls: list[OperatorCall] | None = None
    layout: str | None = None
    launch_ns: PositiveInt | None = None


class Failed(WorkerEvent):
    """A network could not be loaded or run."""

    event: Literal["failed"]
    cell: NonNegativeInt
    reason: str


class Warm(WorkerEvent):
    """All networks were loaded.

    `peak_memory` is the most that the worker took so far, `available_memory` what other programs
    could take now, in bytes; None where the system does not say.
    """

    event: Literal["warm"]
    peak_memory: NonNegativeInt | None = None
    available_memory: NonNegativeInt | None = None


class Sample(WorkerEvent):
    """One timed execution; `extra_ns` are its times with known extra work, if asked for.

    Of several threads, `cpu_ns` is the processor time that all of them took meanwhile.

    On a GPU, `beside` are further samples taken right after it, `sm_mhz` is the clock then, and
    `discarded` how many samples before it were thrown away because the clock was too low. Of a
    graph, `launch_shows` says that the GPU had to wait for the host.
    """

    event: Literal["sample"]
    cell: NonNegativeInt
    ns: PositiveInt
    cpu_ns: NonNegativeInt | None = None
    extra_ns: list[PositiveInt] = []
    beside: dict[Beside, PositiveInt] = {}
    sm_mhz: NonNegativeInt | None = None
    discarded: NonNegativeInt = 0
    launch_shows: bool = False


class Profiled(WorkerEvent):
    """One execution under the profiler; times of operators in the order of the calls in Loaded."""

    event: Literal["profile"]
    cell: NonNegativeInt
    ns: PositiveInt
    operators_ns: Annotated[list[NonNegativeInt], Field(min_length=1)]


class RoundDone(WorkerEvent):
    """All samples of a round were sent; `card` is how the GPU is then.

    So are `celsius`, of the machine's warmest sensor, and `mhz`, of the core; None if not shown.
    """

    event: Literal["round"]
    card: CardState | None = None
    celsius: float | None = None
    mhz: NonNegativeInt | None = None


class Loop(WorkerEvent):
    """Laps of a bare loop."""

    event: Literal["loop"]
    ns: list[PositiveInt]


class Counted(WorkerEvent):
    """What executions of one network counted."""

    event: Literal["counts"]
    cell: NonNegativeInt
    instructions: list[PositiveInt]
    branches: list[NonNegativeInt]
    memory_bytes: list[NonNegativeInt]
    l1i_misses: list[NonNegativeInt]
    l1d_misses: list[NonNegativeInt]
    l2_misses: list[NonNegativeInt]


class Stopped(WorkerEvent):
    """The worker ends; load as in Ready, memory in bytes; ceilings if they were asked for."""

    event: Literal["stopped"]
    load: float | None
    peak_memory: NonNegativeInt | None
    ceilings: Ceilings | None = None


Event = (
    Ready
    | Unavailable
    | Loaded
    | Failed
    | Warm
    | Sample
    | Profiled
    | RoundDone
    | Loop
    | Counted
    | Lacks
    | Held
    | Released
    | Stored
    | Board
    | Stopped
)

_ADAPTER: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="event")])


def parse(line: bytes) -> Event:
    """Return the event that a line holds, its text plain; raises ValueError when it holds none."""
    if not is_plain(line):
        line = json.dumps(plain(json.loads(line))).encode()
    return _ADAPTER.validate_json(line)
