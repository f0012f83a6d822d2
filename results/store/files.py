"""Files written whole or not at all, folders held against a second writer, and where both lie.

Whoever is told that a place cannot be written is told what chooses the place: an option, or a
variable of the environment.
"""

from __future__ import annotations

import difflib
import errno
import fcntl
import itertools
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from guideline_benchmarks.results.errors import BadInputError, GoneError, PlatformError

RUNS = Path("results/runs")
# What chooses the places of results, and of what can be made again.
OUT, CACHE = "--out", "XDG_CACHE_HOME"
MOMENT_SECONDS = 0.5
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


def cache_folder() -> Path:
    """Return where everything is kept that can be made again: exported networks, the emulator.

    That is below $XDG_CACHE_HOME, unless it is relative, which its standard says to ignore. Raises
    BadInputError for a folder that cannot be named in UTF-8, as runtimes want names, and where
    there is no home.
    """
    parent = Path(os.environ.get(CACHE, ""))
    if not parent.is_absolute():
        parent = Path("~/Library/Caches" if sys.platform == "darwin" else "~/.cache")
        with suppress(RuntimeError):
            parent = parent.expanduser()
    fault = "there is no home folder" if not parent.is_absolute() else ""
    if readable(parent) != str(parent):
        fault = "its name is not UTF-8, which runtimes cannot read"
    if fault:
        raise BadInputError(
            f"{parent} cannot be the cache ({fault}): choose another place with {CACHE}."
        )
    return parent / "guideline-benchmarks"


def readable(path: Path | str) -> str:
    r"""Return a path as a text that can be written in UTF-8: other bytes become "\xe9"."""
    return str(path).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def refuse_unreadable(*words: str) -> None:
    """Raise BadInputError for words that no record could keep, since they are not UTF-8."""
    for word in words:
        if readable(word) != word:
            raise BadInputError(
                f"{readable(word)} has bytes that are not UTF-8, which a record cannot keep: "
                "rename it, or name a link to it."
            )


def write_file(path: Path, content: str | bytes, chosen_by: str = OUT) -> None:
    """Write `content` to `path` whole or not at all: a synced temporary file, then a rename.

    Raises PlatformError when the disk is full and BadInputError when the place, which `chosen_by`
    chooses, is not writable.
    """
    data = content.encode() if isinstance(content, str) else content
    # Threads of a fleet write at once what they have in common.
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident():x}")
    try:
        with _made(path.parent):
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
        raise file_error(path, error, chosen_by) from error


def keep_file(path: Path, content: str | bytes) -> None:
    """Write a file of the cache, unless it holds that already: the cache may be another user's.

    Raises the errors of write_file.
    """
    data = content.encode() if isinstance(content, str) else content
    try:
        if path.read_bytes() == data:
            return
    except OSError:
        pass
    write_file(path, data, CACHE)


@contextmanager
def _made(folder: Path) -> Iterator[None]:
    """Make a folder and its parents; in the end, remove those of them that stayed empty.

    Raises OSError when one cannot be made.
    """
    made: list[Path] = []
    try:
        for part in reversed([folder, *folder.parents]):
            with suppress(FileExistsError):
                if not part.is_dir():
                    part.mkdir()
                    made.append(part)
        if not folder.is_dir():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(folder))
        yield
    finally:
        with suppress(OSError):
            for part in reversed(made):
                part.rmdir()


def make_cache_folder(path: Path) -> None:
    """Make a folder of the cache in which files can be made; raises as `write_file` does."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        if not os.access(path, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise file_error(path, error, CACHE) from error


def _sync_folder(folder: Path) -> None:
    """Make a rename in `folder` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def file_error(path: Path, error: OSError, chosen_by: str = OUT) -> BadInputError | PlatformError:
    """Return the sentence for a file that was not written; PlatformError if the disk is full."""
    if error.errno in NO_ROOM:
        return GoneError(f"The disk is full: {path} could not be written, so free some space.")
    in_the_way = error.errno in (errno.EEXIST, errno.ENOTDIR)
    reason = "a file is in the way" if in_the_way else error.strerror
    return BadInputError(
        f"{path} cannot be written ({reason}): choose another place with {chosen_by}."
    )


def near_file(path: Path) -> str:
    """Return " Did you mean X?" for the existing path nearest to a missing one, or ""."""
    try:
        neighbours = [entry.name for entry in path.parent.iterdir() if entry.name != path.name]
    except OSError:
        return ""
    near = difflib.get_close_matches(path.name, neighbours, n=1)
    return f" Did you mean {path.parent / near[0]}?" if near else ""


@contextmanager
def results_folder(chosen: Path | None, name: str) -> Iterator[Path]:
    """Give the folder for results that was chosen, or a new one, results/runs/<name>-<time>[-2…].

    A new one is made at once, so that nobody else gets it, and removed if it stays empty. Raises
    BadInputError when it cannot be made.
    """
    if chosen is not None:
        yield chosen
        return
    with ExitStack() as stack:
        try:
            stack.enter_context(_made(RUNS))
            folder = _new_folder(name)
        except OSError as error:
            raise file_error(RUNS, error) from error
        try:
            yield folder
        finally:
            with suppress(OSError):
                folder.rmdir()


def _new_folder(name: str) -> Path:
    """Make and return a folder for results that nobody has; raises OSError if it cannot be made."""
    time = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    # Some systems, and archives of CI, take no colon in a name.
    folder = RUNS / f"{name.replace(':', '-')}-{time}"
    for number in itertools.count(2):
        try:
            folder.mkdir()
            return folder
        except FileExistsError:
            folder = RUNS / f"{name.replace(':', '-')}-{time}-{number}"
    raise AssertionError("numbers do not end")


def is_held(folder: Path) -> bool:
    """Whether a process holds a folder against a second writer (see `locked`)."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return False
    try:
        return not flocked(handle, fcntl.LOCK_SH)
    finally:
        os.close(handle)


def flocked(handle: int, how: int) -> bool:
    """Lock an open file or folder, or return False where others hold it for longer than a moment.

    For so long a program that another thread starts has open what this one has.
    """
    end = time.monotonic() + MOMENT_SECONDS
    while True:
        try:
            fcntl.flock(handle, how | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() > end:
                return False
            time.sleep(MOMENT_SECONDS / 10)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold `folder`, created if need be, against a second writer; a new one that stays empty goes.

    Raises BadInputError when `folder` is a file, not writable, or held by another process.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(_made(folder))
            handle = os.open(folder, os.O_RDONLY)
        except OSError as error:
            raise file_error(folder, error) from error
        stack.callback(os.close, handle)
        if not flocked(handle, fcntl.LOCK_EX):
            raise BadInputError(
                f"Another process is measuring into {folder}: wait for it, or choose another --out."
            )
        yield
