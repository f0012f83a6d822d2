"""Stub."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class Claim:
    """Stub."""

    kept: bool
    token: str
    breaks: bool

    @classmethod
    def of_this_process(
        cls, kept: bool = False, token: str | None = None, breaks: bool = False
    ) -> Claim:
        """Stub."""
        return cls(kept, token or "", breaks)


@contextmanager
def local_lock(claim: Claim) -> Iterator[None]:
    """Stub."""
    yield
