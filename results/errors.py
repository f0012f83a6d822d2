"""The errors a user may meet: one sentence each, with the exit code it leads to."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import ClassVar


class SuiteError(Exception):
    """Something a user can act on; its text says what, where and what to do.

    Where several things are wrong at once, `faults` lists them, a sentence each.
    """

    exit_code: ClassVar[int]

    def __init__(self, sentence: str, faults: Sequence[str] = ()) -> None:
        super().__init__(sentence)
        self.faults = faults


class CheckFailedError(SuiteError):
    """A check of the suite itself failed, say a network whose output is wrong."""

    exit_code = 1


class BadInputError(SuiteError):
    """Wrong use, or a file that cannot be read as what it should be."""

    exit_code = 2


class PlatformError(SuiteError):
    """The platform cannot run it: a missing runtime, a dead worker, a full disk."""

    exit_code = 3


class GoneError(PlatformError):
    """A machine that may come back, so that the same may be tried again."""


class HeldError(PlatformError):
    """A machine on which somebody else measures, or left their lock."""


def suggestion(wrong: str, known: Iterable[str]) -> str:
    """Return "Did you mean X?" for the known name nearest to `wrong`, or "Known: ..." with all."""
    names = list(known)
    near = difflib.get_close_matches(wrong.lower(), names, n=1, cutoff=0.5)
    return f"Did you mean {near[0]}?" if near else f"Known: {', '.join(names)}."
