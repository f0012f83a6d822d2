"""Standard output and standard error, such that nothing a user does to them changes a verdict."""

from __future__ import annotations

import codecs
import io
import os
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

HANDLER = "guidelines"
STANDARD_OUTPUT, STANDARD_ERROR = 1, 2


class OutputError(OSError):
    """Standard output cannot be written."""


class _Output(io.FileIO):
    """A file descriptor whose reader may leave: the rest is for nobody, and no error.

    After any other error, too, nothing more is written, so that it is told once; what cannot be
    said on standard error is not told at all.
    """

    def write(self, data: ReadableBuffer, /) -> int:
        """Write bytes; raises OutputError."""
        try:
            return super().write(data)
        except OSError as error:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            if isinstance(error, BrokenPipeError) or self.fileno() == STANDARD_ERROR:
                return memoryview(data).nbytes
            raise OutputError(error.errno, error.strerror) from None


def prepare() -> None:
    """Replace standard output and standard error by ones that outlive their readers.

    What a terminal cannot show becomes "?", and bytes of file names stay what they are. In a locale
    that knows ASCII alone, the program starts again in Python's UTF-8 mode.
    """
    if sys.getfilesystemencoding() == "ascii" and sys.executable and not sys.flags.utf8_mode:
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            # It was closed, and the next file that is opened would take its place.
            os.open(os.devnull, os.O_RDWR)
    codecs.register_error(HANDLER, _as_bytes)
    sys.stdout = _outliving(sys.stdout, STANDARD_OUTPUT)
    sys.stderr = _outliving(sys.stderr, STANDARD_ERROR)


def _outliving(stream: TextIO | None, descriptor: int) -> TextIO:
    """Return a stream to a file descriptor in place of one that may be None."""
    return io.TextIOWrapper(
        io.BufferedWriter(_Output(descriptor, "w", closefd=False)),
        encoding=getattr(stream, "encoding", None) or "utf-8",
        errors=HANDLER,
        line_buffering=descriptor == STANDARD_ERROR or os.isatty(descriptor),
    )


def _as_bytes(error: UnicodeError) -> tuple[str | bytes, int]:
    """Encode what an encoding lacks: bytes that a file name brought along, and else "?"."""
    assert isinstance(error, UnicodeEncodeError)
    character = error.object[error.start]
    byte = ord(character) - 0xDC00
    return (bytes([byte]) if 0x80 <= byte <= 0xFF else "?"), error.start + 1
