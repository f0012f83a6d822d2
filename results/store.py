"""Runs on disk: each in a folder of its own, its record in `run.json`, replaced whole."""

from __future__ import annotations

import difflib
import errno
import fcntl
import itertools
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import platformdirs
from pydantic import ValidationError

from results.errors import BadInputError, PlatformError
from results.protocol import Protocol
from results.schema import SCHEMA_VERSION, Run

RUNS = Path("results/runs")
FILE = "run.json"
# The version of the record from which on a batch can be chosen.
FIRST_WITH_BATCHES = 5


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


def write_run(folder: Path, run: Run) -> None:
    """Replace the record in `folder` by `run`, whole (see write_file for the errors)."""
    write_file(folder / FILE, run.model_dump_json() + "\n")


def read_run(path: Path) -> Run:
    """Read the run in folder `path` (or the record file `path` itself).

    Raises BadInputError, in one sentence, for a missing, unreadable, truncated, foreign or
    inconsistent record, and for one of a newer schema version.
    """
    file = path
    try:
        file = path / FILE if path.is_dir() else path
        text = file.read_bytes()
        content = json.loads(text)
    except FileNotFoundError:
        hint = near_file(path)
        raise BadInputError(f"There is no run at {path}: no {FILE} was found.{hint}") from None
    except OSError as error:
        raise BadInputError(f"{file} cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError) as error:
        raise BadInputError(f"{file} is truncated or not JSON at all ({error}).") from None
    version = content.get("schema_version") if isinstance(content, dict) else None
    if not isinstance(version, int) or isinstance(version, bool):
        raise BadInputError(f"{file} is JSON, but not a run of this suite: no schema_version.")
    if version > SCHEMA_VERSION:
        raise BadInputError(
            f"{file} has schema version {version} and this suite reads up to {SCHEMA_VERSION}: "
            "read it with a newer version of the suite."
        )
    try:
        run = Run.model_validate_json(text, strict=True)
        # What is written from here on is of this version.
        return run.model_copy(
            update={"schema_version": SCHEMA_VERSION, "protocol": _protocol_now(run)}
        )
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise BadInputError(
            f"{file} is not a valid run: {where}: {first['msg']}"
            f" ({error.error_count()} fault(s) in all)."
        ) from None


def _protocol_now(run: Run) -> Protocol:
    """Return a run's protocol in the words of this version: its batch was always the paper's."""
    chosen = run.schema_version >= FIRST_WITH_BATCHES
    return run.protocol if chosen else run.protocol.model_copy(update={"batch": None})


def near_file(path: Path) -> str:
    """Return " Did you mean X?" for the existing path nearest to a missing one, or ""."""
    try:
        neighbours = [entry.name for entry in path.parent.iterdir() if entry.name != path.name]
    except OSError:
        return ""
    near = difflib.get_close_matches(path.name, neighbours, n=1)
    return f" Did you mean {path.parent / near[0]}?" if near else ""


def has_run(folder: Path) -> bool:
    """Whether `folder` holds a record already."""
    return (folder / FILE).exists()


def new_folder(name: str) -> Path:
    """Return a new folder for results, results/runs/<name>-<time>[-2…]; it is not made yet."""
    time = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    # Some systems, and archives of CI, take no colon in a name.
    folder = RUNS / f"{name.replace(':', '-')}-{time}"
    others = (folder.with_name(f"{folder.name}-{number}") for number in itertools.count(2))
    return next(place for place in itertools.chain([folder], others) if not place.exists())


def stored_runs(root: Path = RUNS) -> list[Path]:
    """Folders below `root` that hold a record, the one written last first."""
    ages = {}
    for file in root.glob(f"*/{FILE}"):
        with suppress(OSError):
            ages[file.parent] = file.stat().st_mtime
    return sorted(ages, key=lambda folder: ages[folder], reverse=True)


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
