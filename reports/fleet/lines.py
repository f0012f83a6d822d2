"""How far a fleet is, as lines of a terminal."""

from __future__ import annotations

from collections.abc import Sequence

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
    table = _table()
    for of_device in overview.by_device.values():
        for number, standing in enumerate(of_device):
            first = number == 0
            table.add_row(*_row(standing, standing.record.device if first else "", [standing]))
    table.caption = summary_line(overview)
    return table


def reasons(overview: Overview) -> list[str]:
    """Return a line for each record of which nothing is being measured now, with the reason."""
    return [
        f"{standing.record.device} {standing.record.name}: {_what(standing)}"
        for standing in overview.standings
        if standing.word in ("waiting", "failed", "stopped", "changed") and _what(standing)
    ]


def live_table(overview: Overview, height: int) -> Table:
    """Return a row for every device, as many as fit; those first that say most."""
    table = _table()
    # A column that cannot wrap would take the others' room; its entries cannot, and end in "…".
    table.add_column("what", ratio=1)
    rows = {
        device: (most_telling(of_device), of_device)
        for device, of_device in overview.by_device.items()
    }
    room = max(1, height - OTHER_LINES)
    shown = list(rows)
    if len(shown) > room:
        shown = sorted(shown, key=lambda device: MOST_TELLING.index(rows[device][0].word))[:room]
    for device in shown:
        standing, of_device = rows[device]
        what = Text(_what(standing), no_wrap=True, overflow="ellipsis")
        table.add_row(*_row(standing, device, of_device), what)
    more = len(rows) - len(shown)
    table.caption = summary_line(overview) + (f"; {more} devices more" if more else "")
    return table


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
    return "" if state.saying.startswith(f"{state.stored} of") else state.saying


def _table() -> Table:
    table = Table(box=None, caption_justify="left", pad_edge=False)
    table.add_column("device", no_wrap=True)
    table.add_column("record", no_wrap=True)
    table.add_column("state", no_wrap=True)
    table.add_column("stored", justify="right", no_wrap=True)
    table.add_column("left", justify="right", no_wrap=True)
    table.add_column("machine", no_wrap=True)
    return table


def _row(standing: Standing, device: str, of: Sequence[Standing]) -> list[str]:
    state, word = standing.state, standing.word
    over = word in ("done", "failed", "changed")
    return [
        device,
        standing.record.name,
        f"[{STYLES[word]}]{word}[/]",
        progress(state),
        "" if over else duration(seconds_left(of)),
        "" if over else machine_text(state.celsius, state.mhz),
    ]
