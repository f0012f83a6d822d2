"""Runs on disk: each in a folder of its own, its record in `run.json`, replaced whole."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pydantic import ValidationError

from results.errors import BadInputError, PlatformError
from results.schema import SCHEMA_VERSION, Run

RUNS = Path("results/runs")
FILE = "run.json"


def write_file(path: Path, content: str | bytes) -> None:
    """Write `content` to `path` whole or not at all: a synced temporary file, then a rename.

    Raises PlatformError when the disk is full and BadInputError when the place is not writable.
    """
    data = content.encode() if isinstance(content, str) else content
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except OSError as error:
        if temporary:
            with suppress(OSError):
                Path(temporary).unlink()
        raise _file_error(path, error) from error


def _file_error(path: Path, error: OSError) -> BadInputError | PlatformError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return PlatformError(
            f"The disk is full, so {path} could not be written: free some space and continue "
            "with --resume; everything measured before is kept."
        )
    return BadInputError(
        f"{path} cannot be written ({error.strerror}): choose another folder with --out."
    )


def write_run(folder: Path, run: Run) -> None:
    """Replace the record in `folder` by `run`, whole (see write_file for the errors)."""
    write_file(folder / FILE, run.model_dump_json() + "\n")


def read_run(path: Path) -> Run:
    """Read the run in folder `path` (or the record file `path` itself).

    Raises BadInputError, in one sentence, for a missing, unreadable, truncated, foreign or
    inconsistent record, and for one of a newer schema version.
    """
    file = path / FILE if path.is_dir() else path
    try:
        content = json.loads(file.read_bytes())
    except FileNotFoundError:
        raise BadInputError(f"There is no run at {path}: no {FILE} was found there.") from None
    except OSError as error:
        raise BadInputError(f"{file} cannot be read: {error.strerror}.") from None
    except ValueError as error:
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
        return Run.model_validate_json(json.dumps(content), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise BadInputError(
            f"{file} is not a valid run: {where}: {first['msg']}"
            f" ({error.error_count()} fault(s) in all)."
        ) from None


def has_run(folder: Path) -> bool:
    """Whether `folder` holds a record already."""
    return (folder / FILE).exists()


def stored_runs(root: Path = RUNS) -> list[Path]:
    """Folders below `root` that hold a record, the one written last first."""
    records = root.glob(f"*/{FILE}")
    return [file.parent for file in sorted(records, key=lambda f: f.stat().st_mtime, reverse=True)]


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold `folder`, created if need be, against a second writer.

    Raises BadInputError when `folder` is a file, not writable, or held by another process.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise _file_error(folder, error) from error
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
