"""Trials on disk: `trial.json`, and each quartet in a file of its own, written whole.

Of a quartet that is being measured, `part.json` holds the processes that are done. What was
compressed (`trial.json.gz`, `quartets/0001.json.gz`) is read as well, and so is what earlier
versions kept in `blocks/`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from guideline_benchmarks.results.errors import BadInputError
from guideline_benchmarks.results.gate.trial import ORDER, TRIAL_VERSION, Part, Quartet, Trial
from guideline_benchmarks.results.record.faults import first_fault
from guideline_benchmarks.results.record.platform import Record
from guideline_benchmarks.results.store.compressed import stored_file, stored_files, write_stored
from guideline_benchmarks.results.store.files import near_file
from guideline_benchmarks.results.store.json_text import read_json

FILE, QUARTETS, PART = "trial.json", "quartets", "part.json"
# What trials of earlier versions call that folder.
EARLIER = "blocks"

A = TypeVar("A", bound=Record)


def has_trial(folder: Path) -> bool:
    """Whether `folder` holds a trial already."""
    return stored_file(folder / FILE).exists()


def write_trial(folder: Path, trial: Trial) -> None:
    """Write what a trial compares (see write_stored for the errors)."""
    write_stored(folder / FILE, trial.model_dump_json() + "\n")


def write_quartet(folder: Path, number: int, quartet: Quartet) -> None:
    """Write quartet `number` of a trial, the first being 0; what was kept of it goes."""
    write_stored(_file(folder, number), quartet.model_dump_json() + "\n")
    (folder / PART).unlink(missing_ok=True)


def write_part(folder: Path, part: Part) -> None:
    """Write what there is of a quartet that is not whole yet (see write_stored for the errors)."""
    write_stored(folder / PART, part.model_dump_json() + "\n")


def read_part(folder: Path, trial: Trial, number: int) -> Part | None:
    """Return what there is of quartet `number`, None where nothing is.

    Raises BadInputError for what is unreadable, invalid, or no part of the trial.
    """
    file = stored_file(folder / PART)
    if not file.exists():
        return None
    part = _read(file, Part)
    if part.number != number:
        # The quartet was written, and this process ended before its part was removed.
        return None
    fault = _fault_of(trial, part)
    if fault:
        raise BadInputError(f"{file} is no part of this trial: {fault}.")
    return part


def read_trial(folder: Path) -> tuple[Trial, list[Quartet]]:
    """Return a trial and its quartets in order.

    Raises BadInputError for what is missing, unreadable, invalid, of a newer version, or no quartet
    of the trial.
    """
    if not has_trial(folder):
        raise BadInputError(
            f"There is no trial at {folder}: no {FILE} was found.{near_file(folder)}"
        )
    trial = _read(stored_file(folder / FILE), Trial)
    quartets: list[Quartet] = []
    for number, place in enumerate(stored_files(_quartets(folder), "*.json")):
        file = stored_file(place)
        if place != _file(folder, number):
            raise BadInputError(
                f"{_file(folder, number)} is missing, and {file.name} is there: a trial is a chain "
                "of quartets without gaps, so restore it, or begin a new trial."
            )
        quartet = _read(file, Quartet)
        fault = _fault_of(trial, quartet)
        if fault:
            raise BadInputError(f"{file} is no quartet of this trial: {fault}.")
        quartets.append(quartet)
    return trial, quartets


def _fault_of(trial: Trial, quartet: Quartet | Part) -> str | None:
    """Say in what a quartet, or a part of one, contradicts its trial, or None."""
    sides = tuple(process.side for process in quartet.processes)
    if sides != ORDER[: len(sides)]:
        return "its processes are not in the order A B B A"
    if quartet.session >= len(trial.sessions):
        return "it names an unknown session"
    if not set(quartet.cells) <= {cell.name for cell in trial.a.cells}:
        return "it names an unknown cell"
    wanted = {*quartet.cells, *(control.name for control in trial.a.controls)}
    for process in quartet.processes:
        if {*process.ns, *process.failures} != wanted:
            return "a process did not measure just its networks"
        if not all(process.ns.values()):
            return "a network has no times"
    return None


def _file(folder: Path, number: int) -> Path:
    return _quartets(folder) / f"{number + 1:04}.json"


def _quartets(folder: Path) -> Path:
    earlier = folder / EARLIER
    return earlier if earlier.is_dir() else folder / QUARTETS


def _read(file: Path, kind: type[A]) -> A:
    try:
        return kind.model_validate_json(read_json(file)[1], strict=True)
    except OSError as error:
        raise BadInputError(f"{file} cannot be read: {error.strerror}.") from None
    except ValidationError as error:
        raise BadInputError(
            f"{file} is not what this suite (trials of version {TRIAL_VERSION}) writes: "
            f"{first_fault(error)}."
        ) from None
    except ValueError as error:
        raise BadInputError(f"{file} cannot be read: {error}.") from None
