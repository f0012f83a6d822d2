"""Files of records, which may lie compressed: where there is no NAME, NAME.gz is taken."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

from guideline_benchmarks.results.store.files import file_error, write_file

SUFFIX = ".gz"
# Bytes that a record may have: whole runs take less than one hundredth of it.
LARGEST = 64 * 2**20


def packed(file: Path) -> Path:
    """Return where `file` lies when it is compressed."""
    return file.with_name(file.name + SUFFIX)


def stored_file(file: Path) -> Path:
    """Return `file`, or its compressed form where that alone is there."""
    return packed(file) if packed(file).exists() and not file.exists() else file


def stored_files(folder: Path, pattern: str) -> Iterator[Path]:
    """Yield each file below `folder` that matches, in order, by its name without SUFFIX."""
    compressed = (file.with_suffix("") for file in folder.glob(pattern + SUFFIX))
    yield from sorted({*folder.glob(pattern), *compressed})


def read_stored(file: Path, most: int = LARGEST) -> bytes:
    """Return the content of a file; of one whose name ends in .gz, what it holds compressed.

    Raises OSError when it cannot be read, and ValueError for damaged data and for more than `most`
    bytes, of which no more are read, so that little that was compressed cannot fill the memory.
    """
    try:
        with gzip.open(file) if file.suffix == SUFFIX else file.open("rb") as stream:
            content = stream.read(most + 1)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"damaged gzip data: {error}") from None
    if len(content) > most:
        raise ValueError(f"it holds more than {most // 2**20} MiB")
    return content


def write_stored(file: Path, content: str) -> None:
    """Replace a file whole, uncompressed; the compressed one, now out of date, is removed after.

    Raises the errors of write_file.
    """
    write_file(file, content)
    try:
        packed(file).unlink(missing_ok=True)
    except OSError as error:
        raise file_error(packed(file), error) from error
