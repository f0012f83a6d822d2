"""What the paper prints of a cell, as the record keeps it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from guideline_benchmarks.results.record.bounds import STRICT, Percent, PositiveInt, Speed


@dataclass(frozen=True)
class Published:
    """What the paper prints of a cell: its speed in `unit`, batches of so many images or images."""

    __pydantic_config__: ClassVar[Any] = STRICT

    speed: Speed
    unit: str
    batch: PositiveInt = 1


@dataclass(frozen=True)
class Quoted:
    """What the paper prints of a whole network beside its speed on the run's own channel set.

    Multiply-adds of one image, top-1 error on ImageNet and mmAP on COCO in percent, None where none
    is printed, and its speeds on the paper's platforms by channel set. Nothing here is measured.
    """

    __pydantic_config__: ClassVar[Any] = STRICT

    multiply_adds: PositiveInt | None = None
    top1_error: Percent | None = None
    mmap: Percent | None = None
    speeds: dict[str, Published] = field(default_factory=dict)
