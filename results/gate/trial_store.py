"""Trials on disk: `trial.json`, and each replicate in a file of its own, written whole.

They are in `pairs/` or `quartets/`, by the trial's design. Of a quartet that is being measured,
`part.json` holds the processes that are done. What was compressed (`trial.json.gz`,
`quartets/0001.json.gz`) is read as well, and so are quartets that earlier versions kept in
`blocks/`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from guideline_benchmarks.results.errors import BadInputError
from guideline_benchmarks.results.gate.trial import ORDER, TRIAL_VERSION, Part, Replicate, Trial
from guideline_benchmarks.results.record.faults import first_fault
from guideline_benchmarks.results.record.platform import Record
from guideline_benchmarks.results.store.compressed import stored_file, stored_files, write_stored
from guideline_benchmarks.results.store.files import near_file
from guideline_benchmarks.results.store.json_text import read_json

FILE, PART = "trial.json", "part.json"
# What trials of earlier versions call the folder of quartets.
EARLIER = "blocks"

A = TypeVar("A", bound=Record)


def has_trial(folder: Path) -> bool:
    """Whether `folder` holds a trial already."""
    return stored_file(folder / FILE).exists()


def write_trial(folder: Path, trial: Trial) -> None:
    """Write what a trial compares (see write_stored for the errors)."""
    write_stored(folder / FILE, trial.model_dump_json() + "\n")


def write_replicate(folder: Path, trial: Trial, number: int, replicate: Replicate) -> None:
    """Write replicate `number` of a trial, the first being 0; what was kept of it goes."""
    write_stored(_file(folder, trial, number), replicate.model_dump_json() + "\n")
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


def read_trial(folder: Path) -> tuple[Trial, list[Replicate]]:
    """Return a trial and its replicates in order.

    Raises BadInputError for what is missing, unreadable, invalid, of a newer version, or no
    replicate of the trial.
    """
    if not has_trial(folder):
        raise BadInputError(
            f"There is no trial at {folder}: no {FILE} was found.{near_file(folder)}"
        )
    trial = _read(stored_file(folder / FILE), Trial)
    replicates: list[Replicate] = []
    for number, place in enumerate(stored_files(_replicates(folder, trial), "*.json")):
        file = stored_file(place)
        expected = _file(folder, trial, number)
        if place != expected:
            raise BadInputError(
                f"{expected} is missing, and {file.name} is there: a trial is a chain of "
                f"{trial.design} without gaps, so restore it, or begin a new trial."
            )
        replicate = _read(file, Replicate)
        fault = _fault_of(trial, replicate)
        if fault:
            raise BadInputError(f"{file} is none of the {trial.design} of this trial: {fault}.")
        replicates.append(replicate)
    return trial, replicates


def _fault_of(trial: Trial, replicate: Replicate | Part) -> str | None:
    """Say in what a replicate, or a part of one, contradicts its trial, or None."""
    if replicate.session >= len(trial.sessions):
        return "it names an unknown session"
    controls = {control.name for control in trial.a.controls}
    of_pairs = trial.design == "pairs"
    known = {cell.name for cell in trial.a.cells} | (controls if of_pairs else set())
    wanted = set(replicate.cells) if of_pairs else {*replicate.cells, *controls}
    if not set(replicate.cells) <= known:
        return "it names an unknown cell"
    if not all(times for process in replicate.processes for times in process.ns.values()):
        return "a network has no times"
    return (_fault_of_pair if of_pairs else _fault_of_quartet)(replicate, wanted)


def _fault_of_pair(pair: Replicate | Part, wanted: set[str]) -> str | None:
    if sorted(process.side for process in pair.processes) != ["a", "b"]:
        return "its processes are not one of each side"
    one, other = pair.processes
    if {*one.ns, *one.failures, *other.failures} != wanted or {*one.ns} != {*other.ns}:
        return "its processes did not measure just its networks"
    if any(len(one.ns[name]) != len(other.ns[name]) for name in one.ns):
        return "its processes have not as many times of a network"
    return None


def _fault_of_quartet(quartet: Replicate | Part, wanted: set[str]) -> str | None:
    sides = tuple(process.side for process in quartet.processes)
    if sides != ORDER[: len(sides)] or (isinstance(quartet, Replicate) and len(sides) < len(ORDER)):
        return "its processes are not in the order A B B A"
    if any({*process.ns, *process.failures} != wanted for process in quartet.processes):
        return "a process did not measure just its networks"
    return None


def _file(folder: Path, trial: Trial, number: int) -> Path:
    return _replicates(folder, trial) / f"{number + 1:04}.json"


def _replicates(folder: Path, trial: Trial) -> Path:
    earlier = folder / EARLIER
    return earlier if earlier.is_dir() else folder / trial.design


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
