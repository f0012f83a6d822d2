"""Advice on disk: a folder with `advice.json`, and the runs that it was measured by below it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from guideline_benchmarks.results.advice.judged import Judged
from guideline_benchmarks.results.advice.judging import judge
from guideline_benchmarks.results.advice.record import Advice
from guideline_benchmarks.results.errors import BadInputError
from guideline_benchmarks.results.record.faults import first_fault
from guideline_benchmarks.results.record.schema import Run
from guideline_benchmarks.results.store import run_folders
from guideline_benchmarks.results.store.compressed import read_stored, stored_file, write_stored

FILE = "advice.json"
# The runs, in the order in which they are measured, each in a folder of its name.
NETWORK, WIDTHS, PARTS, WHOLE_RUN = "network", "widths", "parts", "whole"


def has_advice(folder: Path) -> bool:
    """Whether a folder holds advice, whole or in part."""
    try:
        return stored_file(folder / FILE).exists()
    except OSError:
        # What cannot be looked into is for whoever reads it to complain of.
        return False


def holds_advice(folder: Path) -> bool:
    """Whether a folder holds advice, or the beginning of what is measured for it."""
    try:
        return has_advice(folder) or run_folders.has_run(folder / NETWORK)
    except OSError:
        return False


def write_advice(folder: Path, advice: Advice) -> None:
    """Replace the advice in a folder (see write_stored for the errors)."""
    write_stored(folder / FILE, advice.model_dump_json(indent=1) + "\n")


def read_found(folder: Path) -> Advice:
    """Read what was found, without its runs.

    Raises BadInputError, in one sentence, where it cannot be read.
    """
    file = stored_file(folder / FILE)
    try:
        return Advice.model_validate_json(read_stored(file), strict=True)
    except OSError as error:
        raise BadInputError(f"{file} cannot be read: {error.strerror}.") from None
    except ValidationError as error:
        raise BadInputError(f"{file} is no valid advice: {first_fault(error)}.") from None
    except ValueError as error:
        raise BadInputError(f"{file} is no valid advice: {error}.") from None


def read_advice(folder: Path, read_run: Callable[[Path], Run]) -> Judged:
    """Read the advice in a folder, and judge it by those of its runs that are there.

    Raises BadInputError as `read_found` does, where its runs are not there or are others, and as
    `read_run` does.
    """
    advice = read_found(folder)
    runs = {
        name: read_run(folder / name) if run_folders.has_run(folder / name) else None
        for name in (NETWORK, PARTS, WHOLE_RUN)
    }
    network = runs[NETWORK]
    if network is None:
        raise BadInputError(f"{folder} holds an advice without its runs: measure it again.")
    try:
        return judge(advice, network, runs[PARTS], runs[WHOLE_RUN])
    except (KeyError, IndexError, ValueError):
        raise BadInputError(
            f"{folder} holds an advice and runs that do not belong together: measure it again."
        ) from None
