"""What a command asks for besides the experiments and the platform."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from guideline_benchmarks.results.record.cells import ChannelSet
    from guideline_benchmarks.results.record.protocol import Precision, StoppingRule


@dataclass(frozen=True)
class Options:
    """What a command asks for, as the options of `guidelines run` say it.

    None is what is usual: of `runs`, `processes` and `stop` for what is measured, of `channels` for
    the platform, of `core` and `machine` for the machine, and of `batch` for the experiment.
    `threads` is a number, "all", or None for the platform's own.
    `patience` is how many seconds exporting a network of the user's may take. `shuffled_loading` is
    the protocol's (see results.record.protocol.Protocol).
    """

    runs: int | None = None
    processes: int | None = None
    seed: int = 0
    channels: ChannelSet | None = None
    g4_unit: Literal["bottleneck", "equal-width"] = "bottleneck"
    caches: bool = False
    core: str | None = None
    threads: str | None = None
    machine: str | None = None
    batch: int | None = None
    precision: Precision = "fp32"
    stop: StoppingRule | None = None
    patience: float = 120.0
    shuffled_loading: bool = False
