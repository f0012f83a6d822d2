"""How it is measured: samples, processes, precision, and when it is enough."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from guideline_benchmarks.results.cost_model.caches import CORTEX_A57, Caches
from guideline_benchmarks.results.record.bounds import PositiveInt
from guideline_benchmarks.results.record.cells import ChannelSet, NetworkChoice
from guideline_benchmarks.results.record.platform import Record

Precision = Literal["fp32", "tf32", "fp16", "bf16", "int8"]
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]


class StoppingRule(Record):
    """Measure until the figures are good enough, and no longer than so many seconds.

    They are when the relative standard error of every cell's process medians is at most
    `relative_error`, a fraction.
    """

    relative_error: Annotated[float, Field(gt=0, lt=1)]
    seconds: Annotated[float, Field(gt=0)]


class Protocol(Record):
    """How a run was measured (docs/protocol.md).

    Each cell gets `runs` samples: one a round, the rounds spread over `processes` fresh workers.
    Warm-up lasts until an execution is not faster than the fastest before it by more than
    `steady_within` (a fraction), within `warmup_min` to `warmup_max` executions. Networks that
    take less than `lead_in_below_ms` run once untimed before each sample. `core` is the core, or
    cluster of cores, that the run was asked to be kept on; None is the fastest. With a `stop` rule,
    `runs` and `processes` are the fewest; further processes take as many rounds each.

    Where instructions are counted, each cell gets `runs` counts in a row, in a fresh process of its
    own, after `warmup_min` executions; `caches` says that misses of modelled caches are, too, and
    `geometry` which ones, None being those of the Cortex-A57.

    With `shuffled_loading`, every process loads the networks in an order of its own: where their
    weights come to lie in memory then differs from one to the next.

    The first three fields choose the networks (see NetworkChoice).
    """

    channels: ChannelSet = "arm"
    g4_unit: Literal["bottleneck", "equal-width"] = "bottleneck"
    batch: PositiveInt | None = None
    runs: PositiveInt
    processes: PositiveInt
    seed: Seed = 0
    precision: Precision = "fp32"
    stop: StoppingRule | None = None
    warmup_min: PositiveInt = 2
    warmup_max: PositiveInt = 10
    steady_within: float = 0.05
    lead_in_below_ms: float = 8.0
    output_tolerance: float = 1e-4
    core: str | None = None
    caches: bool = False
    geometry: Caches | None = None
    shuffled_loading: bool = False

    @property
    def choice(self) -> NetworkChoice:
        """What it chooses about the networks."""
        return NetworkChoice(self.channels, self.g4_unit, self.batch)

    @property
    def modelled_caches(self) -> Caches | None:
        """The caches whose misses are counted, None for none."""
        return (self.geometry or CORTEX_A57) if self.caches else None
