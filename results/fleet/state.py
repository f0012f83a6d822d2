"""How far one record of a fleet is, as it stands beside it (`state.json`)."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from guideline_benchmarks.results.record.bounds import NonNegativeInt
from guideline_benchmarks.results.record.platform import Record
from guideline_benchmarks.results.store import run_folders
from guideline_benchmarks.results.store.files import write_file
from guideline_benchmarks.results.store.json_text import read_json

FILE = "state.json"
Stage = Literal["queued", "running", "waiting", "done", "failed"]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class State(Record):
    """How far a record is, since when (UTC), and in words what is done or why nothing is.

    `stored` of `wanted` rounds (or networks counted) are on disk, which took so many seconds
    `spent`. A machine that is gone was asked `failures` times in vain, over so many seconds
    `waited`. `sha256` is that of the record when it is done; `celsius` and `mhz` are of the machine
    where it tells them.
    """

    stage: Stage
    since: str
    saying: str = ""
    stored: NonNegativeInt = 0
    wanted: NonNegativeInt = 0
    spent: Seconds = 0.0
    failures: NonNegativeInt = 0
    waited: Seconds = 0.0
    sha256: str = ""
    celsius: float | None = None
    mhz: NonNegativeInt | None = None

    @property
    def seconds_left(self) -> float | None:
        """About how many seconds of measuring are left, None where nothing tells."""
        if self.stage in ("done", "failed"):
            return 0.0
        if not (self.stored and self.spent):
            return None
        return self.spent / self.stored * max(0, self.wanted - self.stored)

    def now(self, stage: Stage, saying: str = "") -> State:
        """Return the state that is reached now."""
        time = datetime.now(UTC).isoformat(timespec="seconds")
        return self.model_copy(update={"stage": stage, "since": time, "saying": saying})


QUEUED = State(stage="queued", since="")


def read_state(folder: Path) -> State:
    """Return the state of the record in a folder; one that is missing or damaged is queued."""
    try:
        _, text = read_json(folder / FILE)
        return State.model_validate_json(text, strict=True)
    except (OSError, ValueError):
        return QUEUED


def write_state(folder: Path, state: State) -> None:
    """Replace the state of the record in a folder, whole; raises as write_file does."""
    write_file(folder / FILE, state.model_dump_json() + "\n")


def digest(folder: Path) -> str:
    """Return the SHA-256 of the record in a folder, "" where there is none."""
    try:
        return hashlib.sha256(run_folders.record_file(folder).read_bytes()).hexdigest()
    except OSError:
        return ""


def is_done(folder: Path, state: State) -> bool:
    """Whether a record is done and still what it was then."""
    return state.stage == "done" and state.sha256 == digest(folder) != ""
