"""What the doctor says of one disturbance."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Advice:
    """Something that disturbs measurements, and what to do about it."""

    problem: str
    remedy: str
