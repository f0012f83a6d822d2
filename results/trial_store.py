"""Trials on disk: `trial.json`, and each block in a file of its own, written whole."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from results.errors import BadInputError
from results.platform import Record
from results.store import near_file, write_file
from results.trial import TRIAL_VERSION, Block, Trial

FILE, BLOCKS = "trial.json", "blocks"

A = TypeVar("A", bound=Record)


def has_trial(folder: Path) -> bool:
    """Whether `folder` holds a trial already."""
    return (folder / FILE).exists()


def write_trial(folder: Path, trial: Trial) -> None:
    """Write what a trial compares (see results.store.write_file for the errors)."""
    write_file(folder / FILE, trial.model_dump_json() + "\n")


def write_block(folder: Path, number: int, block: Block) -> None:
    """Write block `number` of a trial, the first being 0."""
    write_file(_file(folder, number), block.model_dump_json() + "\n")


def read_trial(folder: Path) -> tuple[Trial, list[Block]]:
    """Return a trial and its blocks in order.

    Raises BadInputError for what is missing, unreadable, invalid, or of a newer version.
    """
    if not has_trial(folder):
        raise BadInputError(
            f"There is no trial at {folder}: no {FILE} was found.{near_file(folder)}"
        )
    trial = _read(folder / FILE, Trial)
    blocks: list[Block] = []
    while (file := _file(folder, len(blocks))).exists():
        blocks.append(_read(file, Block))
    return trial, blocks


def _file(folder: Path, number: int) -> Path:
    return folder / BLOCKS / f"{number + 1:04}.json"


def _read(file: Path, kind: type[A]) -> A:
    try:
        return kind.model_validate_json(file.read_bytes(), strict=True)
    except OSError as error:
        raise BadInputError(f"{file} cannot be read: {error.strerror}.") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise BadInputError(
            f"{file} is not what this suite (trials of version {TRIAL_VERSION}) writes: "
            f"{where}: {first['msg']}."
        ) from None
