"""One worker, started and spoken to; everything that can go wrong with it is a sentence."""

from __future__ import annotations

import errno
import json
import os
import selectors
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import IO, Any, Self, TypeVar, overload

from guideline_benchmarks.results.errors import GoneError, PlatformError
from guideline_benchmarks.runners.events import parse

_CHUNK = 65536
# The longest that a worker sends is an optimised graph; more than this is no line of a worker.
_LONGEST_LINE = 1 << 28
SEND_SECONDS = 600.0
NO_SPACE = os.strerror(errno.ENOSPC)

# From exit code, all that it said beside its events, and whether it spoke before: what the end of a
# worker means.
Explain = Callable[[int, str, bool], PlatformError]

A = TypeVar("A")
B = TypeVar("B")


def explain_death(code: int, said: str, _spoke: bool) -> PlatformError:
    """Return the error for a worker on this machine that ended; GoneError for a signal."""
    said = last_line(said)
    if NO_SPACE in said:
        return PlatformError(f"The disk is full ({said}).")
    last = f": {said}" if said else ""
    if code < 0:
        return GoneError(f"The worker died (signal {-code}){last}.")
    return PlatformError(f"The worker died (exit code {code}){last}.")


def last_line(said: str) -> str:
    """Return the last line of what a program said, "" if it said nothing."""
    return said.strip().rpartition("\n")[2].strip()


@contextmanager
def _ready(stream: IO[bytes], event: int) -> Iterator[Callable[[float], bool]]:
    """Give a function that waits for an event of `stream`, and returns whether it came in time."""
    with selectors.DefaultSelector() as selector:
        selector.register(stream, event)

        def wait(deadline: float) -> bool:
            left = deadline - time.monotonic()
            return left > 0 and bool(selector.select(left))

        yield wait


class WorkerProcess:
    """A context manager around one fresh worker, started by `command`.

    It has a session of its own, so that Ctrl-C reaches the controller alone. `explain` makes the
    error for an end that was not asked for, `name` is what other sentences call it. Its
    `environment` is this program's own where none is given.
    """

    def __init__(
        self,
        command: Sequence[str],
        explain: Explain = explain_death,
        name: str = "The worker",
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.command = list(command)
        self.environment = environment
        self.explain = explain
        self.name = name
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
                bufsize=0,
                env=self.environment,
            )
        except OSError as error:
            self._errors.close()
            raise PlatformError(
                f"{self.name} could not be started ({self.command[0]}: {error.strerror})."
            ) from error
        assert self._process.stdin is not None
        os.set_blocking(self._process.stdin.fileno(), False)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End it at once, if it has not ended by itself."""
        self.kill()
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()
        self._process.wait()
        self._errors.close()

    def kill(self) -> None:
        """End it and all that it started at once, from any thread."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def send(self, request: dict[str, Any]) -> None:
        """Send one request.

        Raises GoneError when the worker does not read, and what `explain` says when it died.
        """
        self.send_bytes(json.dumps(request).encode() + b"\n")

    def send_bytes(self, content: bytes) -> None:
        """Send what is no request. Raises the errors of `send`."""
        assert self._process.stdin is not None
        left = memoryview(content)
        with _ready(self._process.stdin, selectors.EVENT_WRITE) as wait:
            deadline = time.monotonic() + SEND_SECONDS
            while left:
                if not wait(deadline):
                    raise GoneError(f"{self.name} hangs: it does not read, so it was ended.")
                try:
                    left = left[os.write(self._process.stdin.fileno(), left) :]
                except BlockingIOError:
                    continue
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
        Raises GoneError when the worker is silent for `seconds`, PlatformError when it sends
        anything else, and what `explain` says when it dies.
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
                    f"{self.name} sent something that is no event: {shown!r}."
                ) from None
        self._spoke = True
        if not isinstance(event, (kind, other or kind)):
            raise PlatformError(f"{self.name} sent {event.event!r} out of turn.")
        return event

    def _line(self, deadline: float, seconds: float) -> bytes:
        assert self._process.stdout is not None
        with _ready(self._process.stdout, selectors.EVENT_READ) as wait:
            while b"\n" not in self._buffer:
                if not wait(deadline):
                    raise GoneError(
                        f"{self.name} hangs: it sent no event for {seconds:.0f} s, so it was ended."
                    )
                chunk = os.read(self._process.stdout.fileno(), _CHUNK)
                if not chunk:
                    raise self._died()
                self._buffer += chunk
                if len(self._buffer) > _LONGEST_LINE:
                    raise PlatformError(f"{self.name} sent something that is no event.")
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def _died(self) -> PlatformError:
        try:
            code = self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            return GoneError(f"{self.name} closed its output without ending.")
        self._errors.seek(0)
        said = self._errors.read().decode(errors="replace")
        return self.explain(code, said, self._spoke)
