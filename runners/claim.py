"""Who measures: what a machine's lock is told, and what is said of one that somebody else has."""

from __future__ import annotations

import getpass
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache

from guideline_benchmarks.results.errors import HeldError, PlatformError
from guideline_benchmarks.results.record.text import plain
from guideline_benchmarks.runners.events import Held
from guideline_benchmarks.runners.transports import board_lock


@dataclass(frozen=True)
class Claim:
    """Who wants to measure on a machine alone (see runners.transports.board_lock).

    `since` is by this machine's clock, since those of boards jump. A claim that is `kept` outlives
    the worker that made it, and is known again by its `token`; one that `breaks` takes what was
    left locked. Claims of one token that are `shared` are held together.
    """

    owner: str
    process: int
    since: str
    token: str
    kept: bool = False
    breaks: bool = False
    shared: bool = False

    @classmethod
    def of_this_process(
        cls,
        kept: bool = False,
        token: str | None = None,
        breaks: bool = False,
        shared: bool = False,
    ) -> Claim:
        """Return a claim of this program's, by default under the one token of its process."""
        process = os.getpid()
        since = datetime.now(UTC).isoformat(timespec="seconds")
        token = token or _own_token(process)
        return cls(_owner(), process, since, token, kept, breaks, shared)


@cache
def _own_token(_process: int) -> str:
    """Return a token; a process that was forked has another."""
    return secrets.token_hex(16)


def _owner() -> str:
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        # In a container, say, whose user has no name.
        user = str(os.getuid())
    return " ".join(str(plain(f"{user}@{socket.gethostname()}")).split())


def holder(held: Held) -> str:
    """Return who has a lock, and since when, as a part of a sentence."""
    owner = " ".join(held.owner.split())
    if not owner:
        return "somebody who is not named"
    return f"{owner} (process {held.process}, since {_moment(held.since)})"


def _moment(since: str) -> str:
    """Return a time in UTC to the minute, or "some time" for what is none."""
    try:
        return datetime.fromisoformat(since).astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (ValueError, OverflowError):
        return "some time"


def refusal(place: str, held: Held) -> HeldError:
    """Return the error for a machine, called `place`, whose lock somebody else has."""
    if held.alive:
        return HeldError(f"{place} is being measured by {holder(held)}: wait until that ends.")
    # Between two workers of one who is at work there, it looks like this, too.
    return HeldError(
        f"{place} is locked by {holder(held)}, though nothing of that runs there at this moment: "
        "if that has ended, break the lock with --break-lock."
    )


@contextmanager
def local_lock(claim: Claim) -> Iterator[None]:
    """Hold the lock of this machine itself.

    Raises HeldError when somebody else has it, PlatformError when its file cannot be used.
    """
    try:
        handle = board_lock.take(asdict(claim))
    except board_lock.Held as held:
        raise refusal("This machine", Held(**held.said())) from None
    except OSError as error:
        raise PlatformError(
            f"This machine cannot be locked ({board_lock.path()}: {error.strerror})."
        ) from None
    try:
        yield
    finally:
        os.close(handle)
