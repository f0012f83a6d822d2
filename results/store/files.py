"""Files written whole or not at all, folders held against a second writer, and where both lie."""

from __future__ import annotations

import difflib
import errno
import fcntl
import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import platformdirs

from results.errors import BadInputError, PlatformError

RUNS = Path("results/runs")


def cache_folder() -> Path:
    """Return where everything is kept that can be made again: exported networks, the emulator."""
    return Path(platformdirs.user_cache_dir("guideline-benchmarks"))


def write_file(path: Path, content: str | bytes) -> None:
    """Write `content` to `path` whole or not at all: a synced temporary file, then a rename.

    Raises PlatformError when the disk is full and BadInputError when the place is not writable.
    """
    data = content.encode() if isinstance(content, str) else content
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        _sync_folder(path.parent)
    except OSError as error:
        raise file_error(path, error) from error


def make_folder(path: Path) -> None:
    """Make a folder and those above it, if need be; raises as `write_file` does."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise file_error(path, error) from error


def _sync_folder(folder: Path) -> None:
    """Make a rename in `folder` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def file_error(path: Path | str, error: OSError) -> BadInputError | PlatformError:
    """Return the sentence for a file that was not written; PlatformError if the disk is full."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return PlatformError(f"The disk is full: {path} could not be written, so free some space.")
    in_the_way = error.errno in (errno.EEXIST, errno.ENOTDIR)
    reason = "a file is in the way" if in_the_way else error.strerror
    return BadInputError(f"{path} cannot be written ({reason}): choose another place.")


def near_file(path: Path) -> str:
    """Return " Did you mean X?" for the existing path nearest to a missing one, or ""."""
    try:
        neighbours = [entry.name for entry in path.parent.iterdir() if entry.name != path.name]
    except OSError:
        return ""
    near = difflib.get_close_matches(path.name, neighbours, n=1)
    return f" Did you mean {path.parent / near[0]}?" if near else ""


def new_folder(name: str) -> Path:
    """Return a new folder for results, results/runs/<name>-<time>[-2…]; it is not made yet."""
    time = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    # Some systems, and archives of CI, take no colon in a name.
    folder = RUNS / f"{name.replace(':', '-')}-{time}"
    others = (folder.with_name(f"{folder.name}-{number}") for number in itertools.count(2))
    return next(place for place in itertools.chain([folder], others) if not place.exists())


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold `folder`, created if need be, against a second writer.

    Raises BadInputError when `folder` is a file, not writable, or held by another process.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise file_error(folder, error) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise BadInputError(
            f"Another process is measuring into {folder}: wait for it, or choose another --out."
        ) from None
    try:
        yield
    finally:
        os.close(handle)
