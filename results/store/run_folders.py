"""Runs on disk: each in a folder of its own, its record in `run.json`, replaced whole.

A record that was compressed (`run.json.gz`) is read as well.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from guideline_benchmarks.results.errors import BadInputError
from guideline_benchmarks.results.record.consistency import checked
from guideline_benchmarks.results.record.faults import first_fault
from guideline_benchmarks.results.record.schema import SCHEMA_VERSION, Run
from guideline_benchmarks.results.store.compressed import stored_file, stored_files, write_stored
from guideline_benchmarks.results.store.files import RUNS, near_file
from guideline_benchmarks.results.store.json_text import read_json

FILE = "run.json"
# The versions of the record from which on a batch can be chosen, and experiments tell all of
# themselves.
FIRST_WITH_BATCHES, FIRST_WITH_ALL = 5, 10


def write_run(folder: Path, run: Run) -> None:
    """Replace the record in `folder` by `run`, whole (see write_stored for the errors)."""
    write_stored(folder / FILE, run.model_dump_json() + "\n")


def as_it_is(run: Run) -> Run:
    """Return a run as its record has it."""
    return run


def read_run(path: Path, declared: Callable[[Run], Run] = as_it_is) -> Run:
    """Read the run in folder `path` (or the record file `path` itself).

    A record of a version before FIRST_WITH_ALL lacks some of what readers need to know of its
    experiments: `declared` adds it.

    Raises BadInputError, in one sentence, for a missing, unreadable, truncated, foreign or
    inconsistent record, and for one of a newer schema version.
    """
    file = path
    try:
        file = record_file(path)
        content, text = read_json(file)
    except FileNotFoundError:
        hint = near_file(path)
        raise BadInputError(f"There is no run at {path}: no {FILE} was found.{hint}") from None
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
        run = checked(Run.model_validate_json(text, strict=True))
    except ValidationError as error:
        raise BadInputError(
            f"{file} is not a valid run: {first_fault(error)}"
            f" ({error.error_count()} fault(s) in all)."
        ) from None
    except ValueError as error:
        raise BadInputError(f"{file} is not a valid run: {error}.") from None
    return _of_this_version(run, declared)


def _of_this_version(run: Run, declared: Callable[[Run], Run]) -> Run:
    """Return a run as one of this version, as which it is written from here on."""
    protocol = run.protocol
    if run.schema_version < FIRST_WITH_BATCHES:
        # Its batch was always the paper's.
        protocol = protocol.model_copy(update={"batch": None})
    found = run.model_copy(update={"protocol": protocol})
    if run.schema_version < FIRST_WITH_ALL:
        found = declared(found)
    return found.model_copy(update={"schema_version": SCHEMA_VERSION})


def has_run(folder: Path) -> bool:
    """Whether `folder` holds a record already."""
    return stored_file(folder / FILE).exists()


def record_file(path: Path) -> Path:
    """Return the record of the run in folder `path`, or `path` itself; compressed if it is so."""
    return stored_file(path / FILE if path.is_dir() else path)


def stored_runs(root: Path = RUNS) -> list[Path]:
    """Folders below `root` that hold a record, the one written last first."""
    ages = {}
    for file in stored_files(root, f"*/{FILE}"):
        with suppress(OSError):
            ages[file.parent] = stored_file(file).stat().st_mtime
    return sorted(ages, key=lambda folder: ages[folder], reverse=True)
