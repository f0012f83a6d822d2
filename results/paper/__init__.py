"""The published figures of the paper, read from the CSV files beside this module."""

from __future__ import annotations

import csv
import math
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent
SCALES = (1, 2, 4)
# Table 8's groups of networks, by millions of multiply-adds; the paper calls the last one 500+.
LEVELS = (40, 140, 300, 500)
# What the paper measured on, by the channel set of its networks.
PAPER_PLATFORMS = {"gpu": "GeForce GTX 1080 Ti", "arm": "Snapdragon 810"}


@dataclass(frozen=True)
class PublishedSpeed:
    """One entry of Tables 1 to 4, of Table 8, or of Appendix Table 1b.

    `channels` is the set it belongs to ("gpu" or "arm", the paper's two platforms), `row` its row
    in the suite's words, `scale` 1, 2 or 4 (of Table 8 one of LEVELS), `axes` the table's own
    columns as printed (of Table 8 the network by the suite's name), `speed` in `unit` (batches/s
    or images/s), `batch` the images in a batch.
    """

    channels: str
    row: str
    scale: int
    axes: dict[str, str]
    speed: float
    unit: str
    batch: int = 1


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
    """Return the published entries of an experiment for a channel set, in the paper's order.

    That is "g1" to "g4", "table8" or a stack of units, "units-56" and "units-28". Raises KeyError
    for any other experiment.
    """
    if experiment == "table8":
        return _table8(channels)
    if experiment in UNIT_SIZES:
        return _units(UNIT_SIZES[experiment], channels)
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


# The two input sizes of Appendix Table 1b.
UNIT_SIZES = {"units-56": "56x56", "units-28": "28x28"}


def _units(input_size: str, channels: str) -> tuple[PublishedSpeed, ...]:
    """Return the entries of Appendix Table 1b for one input size and channel set."""
    rows = [
        row
        for row in read_csv("appendix_table1b_units")
        if (row["platform"], row["input_size"]) == (channels, input_size)
    ]
    widths = sorted({int(row["c_of_shufflenet_v2"]) for row in rows})
    return tuple(
        PublishedSpeed(
            channels=channels,
            speed=float(row["speed"]),
            unit=row["unit"],
            row=row["unit_of"],
            scale=SCALES[widths.index(int(row["c_of_shufflenet_v2"]))],
            axes={"c": row["c_of_shufflenet_v2"]},
        )
        for row in rows
    )


# Of Table 8: the column of each platform, its unit, and its batch.
_TABLE8 = {
    "gpu": ("gpu_batches_per_s_batch8", "batches/s", 8),
    "arm": ("arm_images_per_s_batch1", "images/s", 1),
}


def _table8(channels: str) -> tuple[PublishedSpeed, ...]:
    """Return a column of Table 8, rows being families of networks, scales the nearest of LEVELS.

    Networks printed twice, as published elsewhere and as "our impl.", have the same speeds; the
    former is kept.
    """
    entries = {}
    column, unit, batch = _TABLE8[channels]
    for row in read_csv("table8_networks"):
        name = _network_name(row["model"])
        if not row[column] or name in entries:
            continue
        family = re.sub(r" [\d.]+x( g=\d+)?", "", name)
        smaller = "" if row["input_size"] == "224" else ", smaller input"
        entries[name] = PublishedSpeed(
            channels=channels,
            speed=float(row[column]),
            unit=unit,
            batch=batch,
            row=f"{family}{smaller}",
            scale=min(LEVELS, key=lambda level: abs(math.log(float(row["mflops"]) / level))),
            axes={"network": name, "size": row["input_size"]},
        )
    return tuple(entries.values())


@dataclass(frozen=True)
class PublishedNetwork:
    """What the paper prints of a whole network: multiply-adds, and weights where it gives them."""

    multiply_adds: float
    weights: float | None = None


@cache
def published_networks() -> dict[str, PublishedNetwork]:
    """Return what Tables 5, 6 and 8 print of whole networks, by the suite's names for them.

    Of networks printed both as published elsewhere and as "our impl." the former is kept.
    """
    weights = {f"ShuffleNet v2 {width}": figure for width, figure in _table5("Weights").items()}
    large = {_network_name(row["model"]): float(row["gflops"]) * 1e9 for row in read_csv(_TABLE6)}
    small = {
        _network_name(row["model"]): float(row["mflops"]) * 1e6
        for row in reversed(read_csv("table8_networks"))
    }
    return {
        name: PublishedNetwork(multiply_adds, weights.get(name))
        for name, multiply_adds in {**large, **small}.items()
    }


_TABLE6 = "table6_large_models"


def _table5(layer: str) -> dict[str, float]:
    """Return a row of Table 5 that is given in millions, by width as the suite writes it."""
    row = next(row for row in read_csv("table5_shufflenet_v2") if row["layer"] == layer)
    columns = {name: name.removeprefix("x").replace("_", ".") for name in row if name[0] == "x"}
    return {f"{width}x": float(row[name].rstrip("M")) * 1e6 for name, width in columns.items()}


def _network_name(printed: str) -> str:
    """Return the suite's name of a network that the paper prints in one of several ways."""
    name = re.sub(r" \((our impl\.|with residual)\)", "", printed)
    name = re.sub(r" \((g=\d+)\)", r" \1", name).replace(" (with SE)", " SE")
    width_first = re.fullmatch(r"([\d.]+) (MobileNet v\d)", name)
    return f"{width_first[2]} {float(width_first[1]):g}x" if width_first else name


@cache
def published_decomposition(channels: str) -> dict[str, dict[str, float]]:
    """Return the pies of Fig. 2 for a platform ("gpu" or "arm"): percent by network, category."""
    pies: dict[str, dict[str, float]] = {}
    for row in read_csv("fig2_runtime_decomposition"):
        if row["platform"] == channels:
            pies.setdefault(row["network"], {})[row["category"]] = float(row["percent"])
    return pies
