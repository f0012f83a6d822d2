"""Files of records, which may lie compressed: where there is no NAME, NAME.gz is taken."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

from results.store.files import file_error, write_file

SUFFIX = ".gz"


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


def read_stored(file: Path) -> bytes:
    """Return the content of a file; of one whose name ends in .gz, what it holds compressed.

    Raises OSError when it cannot be read, and ValueError for damaged data.
    """
    content = file.read_bytes()
    if file.suffix != SUFFIX:
        return content
    try:
        return gzip.decompress(content)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"damaged gzip data: {error}") from None


def write_stored(file: Path, content: str) -> None:
    """Replace a file whole, uncompressed; the compressed one, now out of date, is removed after.

    Raises the errors of write_file.
    """
    write_file(file, content)
    try:
        packed(file).unlink(missing_ok=True)
    except OSError as error:
        raise file_error(packed(file), error) from error
