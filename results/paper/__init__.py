"""The published figures of the paper, read from the CSV files beside this module."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent
SCALES = (1, 2, 4)


@dataclass(frozen=True)
class PublishedSpeed:
    """One entry of Tables 1 to 4.

    `channels` is the set it belongs to ("gpu" or "arm", the paper's two platforms), `row` its row
    in the suite's words, `scale` 1, 2 or 4, `axes` the table's own columns as printed, `speed` in
    `unit` (batches/s or images/s).
    """

    channels: str
    row: str
    scale: int
    axes: dict[str, str]
    speed: float
    unit: str


def read_csv(name: str) -> list[dict[str, str]]:
    """Return the rows of a published table, `name` without its ending, as text by column."""
    with (FOLDER / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _g1_row(axes: dict[str, str]) -> str:
    return axes["ratio"]


def _g2_row(axes: dict[str, str]) -> str:
    return f"g={axes['groups']}"


def _g3_row(axes: dict[str, str]) -> str:
    return axes["block"]


def _g4_row(axes: dict[str, str]) -> str:
    kept = [name for name in ("relu", "shortcut") if axes[name] == "yes"]
    return "+".join(kept) or "none"


# Table 3 and 4 name their scales by the channel number itself, smallest first.
_TABLES = {
    "g1": ("table1_g1_channel_ratio", _g1_row, "scale"),
    "g2": ("table2_g2_group_count", _g2_row, "scale"),
    "g3": ("table3_g3_fragmentation", _g3_row, "c_of_1_fragment"),
    "g4": ("table4_g4_elementwise", _g4_row, "c"),
}


@cache
def published_speeds(experiment: str, channels: str) -> tuple[PublishedSpeed, ...]:
    """Return the published entries of "g1" to "g4" for a channel set, in the paper's order.

    Raises KeyError for an experiment that is none of the four.
    """
    name, row_of, scale_column = _TABLES[experiment]
    rows = [row for row in read_csv(name) if row["platform"] == channels]
    steps = sorted({int(row[scale_column]) for row in rows})
    return tuple(
        PublishedSpeed(
            channels=row.pop("platform"),
            speed=float(row.pop("speed")),
            unit=row.pop("unit"),
            row=row_of(row),
            scale=SCALES[steps.index(int(row[scale_column]))],
            axes=row,
        )
        for row in rows
    )
