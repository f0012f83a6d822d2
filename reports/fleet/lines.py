"""How far a fleet is, as lines of a terminal."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from rich.console import JustifyMethod
from rich.table import Table
from rich.text import Text

from guideline_benchmarks.reports.layout import machine_text
from guideline_benchmarks.results.fleet.overview import (
    MOST_TELLING,
    Overview,
    Standing,
    most_telling,
    seconds_left,
)
from guideline_benchmarks.results.fleet.state import State

STYLES = {
    "running": "green",
    "waiting": "yellow",
    "stopped": "yellow",
    "failed": "red",
    "changed": "red",
    "done": "dim",
    "queued": "dim",
}
COLUMNS = ("device", "record", "state", "stored", "left", "machine", "what")
ELASTIC = ("device", "record", "what")
# On a terminal of fewer columns, what says least is left out.
NARROW = 60
# Lines of a live display that are no device's: headings, the summary, and what is left out.
OTHER_LINES = 5


def duration(seconds: float | None) -> str:
    """Return a time in words, "40 s", "12 min", "3 h 5 min", "" for None."""
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def progress(state: State) -> str:
    """Return how much of a record is stored, "40/100", "" where that is not known."""
    return f"{state.stored}/{state.wanted}" if state.wanted else ""


def summary_line(overview: Overview) -> str:
    """Return how many records are how far, and about how long all need still."""
    counts = overview.counts
    parts = [f"{counts[word]} {word}" for word in MOST_TELLING if counts[word]]
    left = overview.seconds_left
    end = f"; about {duration(left)} left" if left and overview.driven else ""
    total = counts.total()
    return f"{total} record{'' if total == 1 else 's'}: {', '.join(parts)}{end}"


def status_table(overview: Overview) -> Table:
    """Return a row for every record: its state, how much is stored, and the time left."""
    rows = [
        _row(standing, "" if number else standing.record.device, [standing])
        for of_device in overview.by_device.values()
        for number, standing in enumerate(of_device)
    ]
    return _table(rows, {"what"}, summary_line(overview))


def reasons(overview: Overview) -> list[str]:
    """Return a line for each record of which nothing is being measured now, with the reason."""
    return [
        f"{standing.record.device} {standing.record.name}: {_what(standing)}"
        for standing in overview.standings
        if standing.word in ("waiting", "failed", "stopped", "changed") and _what(standing)
    ]


def live_table(overview: Overview, height: int, width: int) -> Table:
    """Return a row for every device, as many as fit; those first that say most."""
    rows = {
        device: (most_telling(of_device), of_device)
        for device, of_device in overview.by_device.items()
    }
    room = max(1, height - OTHER_LINES)
    shown = list(rows)
    if len(shown) > room:
        shown = sorted(shown, key=lambda device: MOST_TELLING.index(rows[device][0].word))[:room]
    more = len(rows) - len(shown)
    caption = summary_line(overview) + (f"; {more} devices more" if more else "")
    left_out = {"record", "machine"} if width < NARROW else set()
    return _table([_row(rows[one][0], one, rows[one][1]) for one in shown], left_out, caption)


def changes(before: Overview | None, now: Overview) -> list[str]:
    """Return a line for each record that is in another state than before."""
    was = {one.record: one for one in before.standings} if before else {}
    return [
        _line(standing)
        for standing in now.standings
        if _differs(was.get(standing.record), standing)
    ]


def _differs(before: Standing | None, now: Standing) -> bool:
    if before is None:
        return now.word not in ("queued", "done")
    # A machine that is waited for may be so for another reason.
    reason = now.word == "waiting" and before.state.saying != now.state.saying
    return before.word != now.word or reason


def _line(standing: Standing) -> str:
    state, record = standing.state, standing.record
    stored = progress(state)
    said = ", ".join(filter(None, [stored, _what(standing)]))
    return f"{record.device} {record.name}: {standing.word}{f' ({said})' if said else ''}"


def _what(standing: Standing) -> str:
    """Return what is done or why nothing is; how much is stored stands beside it."""
    state = standing.state
    if standing.word == "changed":
        return "its record is missing, or not what it was when it was done"
    return "" if state.saying.startswith(f"{state.stored} of") else state.saying


def _table(rows: Sequence[Sequence[Text]], left_out: Collection[str], caption: str) -> Table:
    """Return a table of rows without some columns, and without that of machines if none tells.

    Where there is too little room, names and what is done end in "…"; states and figures do not.
    """
    table = Table(box=None, caption=caption, caption_justify="left", pad_edge=False)
    kept = []
    for number, title in enumerate(COLUMNS):
        if title in left_out or (title == "machine" and not any(row[number] for row in rows)):
            continue
        kept.append(number)
        justify: JustifyMethod = "right" if title in ("stored", "left") else "left"
        # Rich takes room from columns that may wrap; their entries may not.
        table.add_column(title, justify=justify, no_wrap=title not in ELASTIC)
    for row in rows:
        table.add_row(*(row[number] for number in kept))
    return table


def _row(standing: Standing, device: str, of: Sequence[Standing]) -> list[Text]:
    """Return the entries of all columns."""
    state, word = standing.state, standing.word
    over = word in ("done", "failed", "changed")
    entries = [
        device,
        standing.record.name,
        word,
        progress(state),
        "" if over else duration(seconds_left(of)),
        "" if over else machine_text(state.celsius, state.mhz),
        _what(standing),
    ]
    return [
        Text(entry, STYLES[word] if title == "state" else "", no_wrap=True, overflow="ellipsis")
        for title, entry in zip(COLUMNS, entries, strict=True)
    ]
