"""What is measured: a platform as its file describes it, and a machine as its fingerprint does."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from guideline_benchmarks.results.record.backends import BACKENDS, Mode
from guideline_benchmarks.results.record.bounds import (
    LONGEST_TEXT,
    Name,
    NonNegativeInt,
    PositiveInt,
)
from guideline_benchmarks.results.record.counters import COUNTERS, InstructionCounter
from guideline_benchmarks.results.record.text import HARMFUL

# Nothing that a shell, ssh, or ssh's configuration could take for more than a name.
HOST = r"^[A-Za-z0-9_:][A-Za-z0-9_.:%-]*$"
USER = r"^([A-Za-z0-9_][A-Za-z0-9_.@+-]*)?$"
PRINTABLE = rf"^[^\n\t{HARMFUL}]*$"
# Samples taken while a card's clock is below this fraction of its highest do not count, as in
# NVIDIA's nvbench.
LEAST_CLOCK = 0.75
MOST_THREADS = 256
# What says how a board is reached, or what a machine is called, and not what it is. The description
# of one that is named by its address tells that.
REACHING = ("ssh", "machine", "description")
# What earlier versions kept beside the other fields, and what it was where nothing was said.
FLAT = {"host": "", "user": "", "port": None, "identity_file": "", "python": "python3"}


MachineName = Annotated[str, Field(pattern=PRINTABLE, max_length=100)]


class Record(BaseModel):
    """An immutable part of the record; unknown fields are refused, and text without an end."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, str_max_length=LONGEST_TEXT
    )


class Ssh(Record):
    """How a board is reached by ssh: what is empty or None is left to ssh's own configuration.

    `python` is the board's, a path from its home folder or a name that its shell finds.
    """

    host: Annotated[str, Field(pattern=HOST, max_length=255)]
    user: Annotated[str, Field(pattern=USER, max_length=255)] = ""
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    identity_file: Annotated[str, Field(pattern=PRINTABLE)] = ""
    python: Annotated[str, Field(pattern=PRINTABLE, min_length=1)] = "python3"


def _also_flat(schema: dict[str, Any]) -> None:
    """Let the schema of a platform take records of earlier versions, too."""
    schema["properties"] |= {
        name: {"default": value, "deprecated": True} for name, value in FLAT.items()
    }


class Platform(Record):
    """Hardware, how it is reached, and backend: the content of a platform file.

    `channels` is the channel set measured by default, `threads` how many share a network's work,
    each on a core of its own. Where executed
    instructions are counted (results.record.counters) nothing is timed, and the unit is
    instructions, or with a cost `model` (a coefficient file, by name or path) what modelled times
    give. `mode` is how a GPU gets its
    work: operator by operator, as one CUDA graph, or compiled. `machine` is what its user calls the
    machine, "" for nothing. `ssh` says how a board is reached; its fields are read also where
    earlier versions kept them, beside the others.
    """

    model_config = ConfigDict(json_schema_extra=_also_flat)

    name: Name
    backend: Name
    description: Annotated[str, Field(pattern=rf"^[^{HARMFUL}]*$")] = ""
    transport: Name = "local"
    mode: Mode = "eager"
    threads: Annotated[int, Field(ge=1, le=MOST_THREADS)] = 1
    channels: Literal["gpu", "arm"] = "arm"
    unit: Literal["images/s", "batches/s", "instructions"] = "images/s"
    model: Annotated[str, Field(pattern=PRINTABLE)] = ""
    machine: MachineName = ""
    ssh: Ssh | None = None

    @model_validator(mode="before")
    @classmethod
    def _with_a_table_of_ssh(cls, content: Any) -> Any:
        if not isinstance(content, dict) or "ssh" in content:
            return content
        rest = {name: value for name, value in content.items() if name not in FLAT}
        # Records hold all of them, also of what is not reached by ssh.
        said = {name: content[name] for name in FLAT if content.get(name, FLAT[name]) != FLAT[name]}
        if said and content.get("transport") != "ssh":
            raise ValueError(f'{next(iter(said))} needs transport = "ssh"')
        return rest | ({"ssh": said} if said else {})

    @model_validator(mode="after")
    def _counts_or_times(self) -> Self:
        if self.model and not (self.counter and self.counter.caches):
            raise ValueError('a cost model needs counts, with misses, so transport = "emulator"')
        if self.model and self.unit == "instructions":
            raise ValueError('with a cost model, unit is that of its times: "images/s"')
        if (self.counts and not self.model) != (self.unit == "instructions"):
            counting = " or ".join(f'"{transport}"' for transport in COUNTERS)
            raise ValueError(f'transport {counting} and unit "instructions" go together')
        if self.counts and self.machine:
            raise ValueError("counts are of no machine, so none can be named")
        if self.counts and self.threads != 1:
            raise ValueError("one thread alone is counted, so there must be one")
        row = BACKENDS.get(self.backend)
        if self.counts and row is not None and not row.over_ssh:
            raise ValueError(f'nothing is counted of backend "{self.backend}"')
        return self

    @model_validator(mode="after")
    def _mode_is_possible(self) -> Self:
        # A record may be of a backend that was added elsewhere.
        row = BACKENDS.get(self.backend)
        if row is not None and self.mode not in row.modes:
            fit = ", ".join(name for name, other in BACKENDS.items() if self.mode in other.modes)
            raise ValueError(f'mode "{self.mode}" needs a backend that knows it: {fit}')
        return self

    @model_validator(mode="after")
    def _can_be_reached(self) -> Self:
        if self.transport != "ssh":
            if self.ssh is not None:
                raise ValueError('the table [ssh] needs transport = "ssh"')
            return self
        if self.ssh is None:
            raise ValueError('transport "ssh" needs a table [ssh] with a host')
        row = BACKENDS.get(self.backend)
        if row is not None and not row.over_ssh:
            fit = " or ".join(f'"{name}"' for name, row in BACKENDS.items() if row.over_ssh)
            raise ValueError(f"only backend {fit} runs on a board reached by ssh")
        return self

    @property
    def label(self) -> str:
        """Its name, and how many threads if several: "cpu, 2 threads"."""
        return self.name if self.threads == 1 else f"{self.name}, {self.threads} threads"

    @property
    def counts(self) -> bool:
        """Whether executed instructions are counted here and nothing is timed."""
        return self.counter is not None

    @property
    def counter(self) -> InstructionCounter | None:
        """What counts here, None where networks are timed."""
        return COUNTERS.get(self.transport)

    @property
    def is_local(self) -> bool:
        """Whether workers are programs of this machine, which any Python of it may run."""
        return self.transport == "local"

    @property
    def on_gpu(self) -> bool:
        """Whether networks run on a CUDA GPU, timed by its own events."""
        return self.backend in BACKENDS and BACKENDS[self.backend].device == "cuda"


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


class Gpu(Record):
    """A graphics card and its settings; sizes in bytes, None for what its driver does not show.

    `boost_mhz` is the highest clock of its multiprocessors, `uuid` tells it from others of its
    kind, `mig` says that it is a part of a card.
    """

    name: str
    uuid: str
    compute_capability: str
    multiprocessors: PositiveInt
    memory: PositiveInt
    l2_cache: PositiveInt
    boost_mhz: PositiveInt | None
    memory_mhz: PositiveInt | None
    ecc: bool | None
    mig: bool | None


class Fingerprint(Machine):
    """The machine and the software that a run was measured on.

    A run may be continued only where all of this is the same (but see
    results.record.same_machine). `runtimes` are versions by name, `worker` is the digest of the
    program that timed, `gpu` the card that networks ran on, if any. `machine` is what its user
    calls the machine, "" where nobody said.
    """

    gpu: Gpu | None = None
    runtimes: dict[str, str]
    worker: str
    machine: MachineName = ""

    @property
    def called(self) -> str:
        """What the machine is called: its name, or its host's where it has none."""
        return self.machine or self.hostname

    @property
    def software(self) -> str:
        """The runtimes with their versions: "onnxruntime 1.32.0, numpy 2.4.6"."""
        return ", ".join(f"{name} {version}" for name, version in self.runtimes.items())
