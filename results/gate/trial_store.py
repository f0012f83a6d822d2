"""Trials on disk: `trial.json`, and each block in a file of its own, written whole.

What was compressed (`trial.json.gz`, `blocks/0001.json.gz`) is read as well.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from results.errors import BadInputError
from results.gate.trial import BLOCK, TRIAL_VERSION, Block, Trial
from results.record.platform import Record
from results.store.compressed import read_stored, stored_file, stored_files, write_stored
from results.store.files import near_file

FILE, BLOCKS = "trial.json", "blocks"

A = TypeVar("A", bound=Record)


def has_trial(folder: Path) -> bool:
    """Whether `folder` holds a trial already."""
    return stored_file(folder / FILE).exists()


def write_trial(folder: Path, trial: Trial) -> None:
    """Write what a trial compares (see write_stored for the errors)."""
    write_stored(folder / FILE, trial.model_dump_json() + "\n")


def write_block(folder: Path, number: int, block: Block) -> None:
    """Write block `number` of a trial, the first being 0."""
    write_stored(_file(folder, number), block.model_dump_json() + "\n")


def read_trial(folder: Path) -> tuple[Trial, list[Block]]:
    """Return a trial and its blocks in order.

    Raises BadInputError for what is missing, unreadable, invalid, of a newer version, or no block
    of the trial.
    """
    if not has_trial(folder):
        raise BadInputError(
            f"There is no trial at {folder}: no {FILE} was found.{near_file(folder)}"
        )
    trial = _read(stored_file(folder / FILE), Trial)
    blocks: list[Block] = []
    for number, place in enumerate(stored_files(folder / BLOCKS, "*.json")):
        file = stored_file(place)
        if place != _file(folder, number):
            raise BadInputError(
                f"{_file(folder, number)} is missing, and {file.name} is there: a trial is a chain "
                "of blocks without gaps, so restore it, or begin a new trial."
            )
        block = _read(file, Block)
        fault = _fault_of(trial, block)
        if fault:
            raise BadInputError(f"{file} is no block of this trial: {fault}.")
        blocks.append(block)
    return trial, blocks


def _fault_of(trial: Trial, block: Block) -> str | None:
    """Say in what a block contradicts its trial, or None."""
    if tuple(process.arm for process in block.processes) != BLOCK:
        return "its processes are not in the order A B B A"
    if block.session >= len(trial.sessions):
        return "it names an unknown session"
    if not set(block.cells) <= {cell.name for cell in trial.a.cells}:
        return "it names an unknown cell"
    wanted = {*block.cells, *(control.name for control in trial.a.controls)}
    for process in block.processes:
        if {*process.ns, *process.failures} != wanted:
            return "a process did not measure just its networks"
        if not all(process.ns.values()):
            return "a network has no times"
    return None


def _file(folder: Path, number: int) -> Path:
    return folder / BLOCKS / f"{number + 1:04}.json"


def _read(file: Path, kind: type[A]) -> A:
    try:
        return kind.model_validate_json(read_stored(file), strict=True)
    except OSError as error:
        raise BadInputError(f"{file} cannot be read: {error.strerror}.") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise BadInputError(
            f"{file} is not what this suite (trials of version {TRIAL_VERSION}) writes: "
            f"{where}: {first['msg']}."
        ) from None
    except ValueError as error:
        raise BadInputError(f"{file} cannot be read: {error}.") from None
