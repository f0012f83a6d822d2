"""A whole fleet at a moment: the state of each record, read from the disk alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from guideline_benchmarks.results.fleet.state import State, is_done, read_state
from guideline_benchmarks.results.fleet.wanted import WantedFleet, WantedRecord, read_wanted
from guideline_benchmarks.results.store.files import is_held

# Of a device's records, the one that says most of it now comes first.
MOST_TELLING = ("running", "waiting", "stopped", "failed", "changed", "queued", "done")


@dataclass(frozen=True)
class Standing:
    """A record of a fleet, its state, and how that reads.

    `word` is the state's stage, or "stopped" where it was being measured and nobody drives the
    fleet now, or "changed" where it is done and its record is not what it was then.
    """

    record: WantedRecord
    state: State
    word: str


@dataclass(frozen=True)
class Overview:
    """The standings of all records of a fleet, and whether somebody drives it now."""

    standings: Sequence[Standing]
    driven: bool

    @property
    def by_device(self) -> dict[str, list[Standing]]:
        """The standings of each device, in the fleet's order."""
        found: dict[str, list[Standing]] = {}
        for standing in self.standings:
            found.setdefault(standing.record.device, []).append(standing)
        return found

    @property
    def counts(self) -> Counter[str]:
        """How many records there are of each word."""
        return Counter(standing.word for standing in self.standings)

    @property
    def seconds_left(self) -> float | None:
        """About how many seconds the slowest device still needs, None where nothing tells."""
        left = [seconds_left(of_device) for of_device in self.by_device.values()]
        known = [seconds for seconds in left if seconds is not None]
        return max(known) if known else None


def most_telling(standings: Sequence[Standing]) -> Standing:
    """Return the one of a device's standings that says most of what it does now."""
    return min(standings, key=lambda standing: MOST_TELLING.index(standing.word))


def seconds_left(standings: Sequence[Standing]) -> float | None:
    """Return about how many seconds a device still needs, None where nothing tells.

    A record that was not begun is taken to need as long as the device's others.
    """
    wholes = [
        one.state.spent / one.state.stored * one.state.wanted
        for one in standings
        if one.state.spent and one.state.stored
    ]
    left = [one.state.seconds_left for one in standings]
    if None in left and not wholes:
        return None
    return sum(fmean(wholes) if seconds is None else seconds for seconds in left)


def read_overview(out: Path) -> Overview:
    """Read how far a fleet is; raises BadInputError where there is none."""
    wanted, driven = read_wanted(out), is_held(out)
    states = _states(wanted, out)
    kept = {record: is_done(record.folder(out), state) for record, state in states.items()}
    return overview(wanted, states, kept, driven)


def glance(wanted: WantedFleet, out: Path) -> Overview:
    """Return how far a fleet is for who drives it, who need not read whole records for that."""
    states = _states(wanted, out)
    return overview(wanted, states, dict.fromkeys(states, True), driven=True)


def _states(wanted: WantedFleet, out: Path) -> dict[WantedRecord, State]:
    return {record: read_state(record.folder(out)) for record in wanted.records}


def overview_objects(overview: Overview) -> list[dict[str, Any]]:
    """Return a JSON object for each record of a fleet: its names, its word, and its state."""
    return [
        {
            "device": standing.record.device,
            "record": standing.record.name,
            "word": standing.word,
            **standing.state.model_dump(),
            "seconds_left": standing.state.seconds_left,
        }
        for standing in overview.standings
    ]


def overview(
    wanted: WantedFleet,
    states: Mapping[WantedRecord, State],
    kept: Mapping[WantedRecord, bool],
    driven: bool,
) -> Overview:
    """Return the overview of a fleet from its records' states.

    `kept` says which of those that are done are still what they were.
    """
    return Overview(
        [
            Standing(record, states[record], _word(states[record], kept[record], driven))
            for record in wanted.records
        ],
        driven,
    )


def _word(state: State, kept: bool, driven: bool) -> str:
    if state.stage == "done" and not kept:
        return "changed"
    if state.stage in ("running", "waiting") and not driven:
        return "stopped"
    return state.stage
