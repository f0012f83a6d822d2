"""Runs on disk: each in a folder of its own, its record in `run.json`, replaced whole."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from results.errors import BadInputError
from results.record.protocol import Protocol
from results.record.schema import SCHEMA_VERSION, Run
from results.store.files import RUNS, near_file, write_file

FILE = "run.json"
# The version of the record from which on a batch can be chosen.
FIRST_WITH_BATCHES = 5


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


def has_run(folder: Path) -> bool:
    """Whether `folder` holds a record already."""
    return (folder / FILE).exists()


def stored_runs(root: Path = RUNS) -> list[Path]:
    """Folders below `root` that hold a record, the one written last first."""
    ages = {}
    for file in root.glob(f"*/{FILE}"):
        with suppress(OSError):
            ages[file.parent] = file.stat().st_mtime
    return sorted(ages, key=lambda folder: ages[folder], reverse=True)
