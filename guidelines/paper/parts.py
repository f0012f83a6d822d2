"""The parts in which the whole paper is measured: what each holds, and how often it is executed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

LARGE_RUNS, LARGE_PROCESSES = 30, 3


@dataclass(frozen=True)
class Part:
    """Some experiments of one record.

    Networks that stay loaded together must fit into memory together, and large ones get fewer
    `runs` over fewer `processes` (None is what is usual); their intervals say how much is lost.
    `minutes` is about what it took on two cores of a desktop machine, for estimates of time left.
    """

    name: str
    experiments: tuple[str, ...]
    minutes: float
    runs: int | None = None
    processes: int | None = None
    channels: Literal["exact"] | None = None


PARTS = (
    Part("tables", ("all", "units-56", "units-28"), 5),
    # Apart, since counted platforms cannot have it.
    Part("fig2", ("fig2",), 1),
    Part("table8", ("table8",), 4),
    Part("exact", ("g1", "g2", "g3"), 4, channels="exact"),
    Part("large", ("table6",), 3, LARGE_RUNS, LARGE_PROCESSES),
    Part("inputs", ("inputs-320", "inputs-640", "inputs-1080"), 6, LARGE_RUNS, LARGE_PROCESSES),
    Part("detection", ("table7",), 6, LARGE_RUNS, LARGE_PROCESSES),
)
