"""One worker, started and spoken to; everything that can go wrong with it is a sentence."""

from __future__ import annotations

import errno
import json
import os
import selectors
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar, overload

from results.errors import PlatformError
from runners.events import parse

_CHUNK = 65536
NO_SPACE = os.strerror(errno.ENOSPC)

# From exit code, last words, and whether it spoke before: what the end of a worker means.
Explain = Callable[[int, str, bool], str]

A = TypeVar("A")
B = TypeVar("B")


def explain_death(code: int, said: str, _spoke: bool) -> str:
    """Say how a worker on this machine ended."""
    if NO_SPACE in said:
        return f"The disk is full ({said})."
    how = f"signal {-code}" if code < 0 else f"exit code {code}"
    return f"The worker died ({how}){f': {said}' if said else ''}."


class WorkerProcess:
    """A context manager around one fresh worker, started by `command`.

    It has a session of its own, so that Ctrl-C reaches the controller alone. `explain` makes the
    sentence for an end that was not asked for.
    """

    def __init__(self, command: Sequence[str], explain: Explain = explain_death) -> None:
        self.command = list(command)
        self.explain = explain
        self._spoke = False

    def __enter__(self) -> Self:
        """Start it. Raises PlatformError when the command cannot be started."""
        self._errors = tempfile.TemporaryFile()
        self._buffer = b""
        try:
            self._process = subprocess.Popen(
                self.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                start_new_session=True,
            )
        except OSError as error:
            raise PlatformError(
                f"The worker could not be started ({self.command[0]}: {error.strerror})."
            ) from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End it at once, if it has not ended by itself."""
        self.kill()
        self._process.communicate()
        self._errors.close()

    def kill(self) -> None:
        """End it at once, from any thread."""
        self._process.kill()

    def send(self, request: dict[str, Any]) -> None:
        """Send one request. Raises PlatformError when the worker is gone."""
        self.send_bytes(json.dumps(request).encode() + b"\n")

    def send_bytes(self, content: bytes) -> None:
        """Send what is no request. Raises PlatformError when the worker is gone."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(content)
            self._process.stdin.flush()
        except OSError:
            raise self._died() from None

    @overload
    def receive(self, seconds: float, kind: type[A]) -> A: ...

    @overload
    def receive(
        self, seconds: float, kind: type[A], other: type[B], greeting: bool = False
    ) -> A | B: ...

    def receive(
        self,
        seconds: float,
        kind: type[Any],
        other: type[Any] | None = None,
        greeting: bool = False,
    ) -> Any:
        """Return the next event, which must be of this `kind` or the `other`.

        Before a `greeting`, lines that are no events are passed over: a shell may print some.
        Raises PlatformError when the worker dies, is silent for `seconds`, or sends anything else.
        """
        deadline = time.monotonic() + seconds
        while True:
            line = self._line(deadline, seconds)
            try:
                event = parse(line)
                break
            except ValueError:
                if greeting:
                    continue
                shown = line[:60].decode(errors="replace")
                raise PlatformError(
                    f"The worker sent something that is no event: {shown!r}."
                ) from None
        self._spoke = True
        if not isinstance(event, (kind, other or kind)):
            raise PlatformError(f"The worker sent {event.event!r} out of turn.")
        return event

    def _line(self, deadline: float, seconds: float) -> bytes:
        assert self._process.stdout is not None
        output = self._process.stdout.fileno()
        with selectors.DefaultSelector() as selector:
            selector.register(output, selectors.EVENT_READ)
            while b"\n" not in self._buffer:
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    raise PlatformError(
                        f"The worker hangs: it was silent for {seconds:.0f} s, so it was ended."
                    )
                chunk = os.read(output, _CHUNK)
                if not chunk:
                    raise self._died()
                self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def _died(self) -> PlatformError:
        try:
            code = self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            return PlatformError("The worker closed its output without ending.")
        self._errors.seek(0)
        said = self._errors.read().decode(errors="replace").strip().splitlines()
        return PlatformError(self.explain(code, said[-1] if said else "", self._spoke))
