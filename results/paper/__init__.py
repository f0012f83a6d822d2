"""The published figures of the paper, read from the CSV files beside this module."""

from __future__ import annotations

import csv
import math
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from guideline_benchmarks.results.record.cells import Published

FOLDER = Path(__file__).parent
SCALES = (1, 2, 4)
# Table 8's groups of networks, by millions of multiply-adds; the paper calls the last one 500+.
LEVELS = (40, 140, 300, 500)
# What the paper measured on, by the channel set of its networks.
PAPER_PLATFORMS = {"gpu": "GeForce GTX 1080 Ti", "arm": "Snapdragon 810"}


@dataclass(frozen=True)
class Entry:
    """One published entry of a table of speeds, for one of the paper's two platforms.

    `columns` are the table's own, as printed; `scale` is 1, 2 or 4, or of Table 8 one of LEVELS.
    """

    columns: dict[str, str]
    scale: int
    published: Published


def read_csv(name: str) -> list[dict[str, str]]:
    """Return the rows of a published table, `name` without its ending, as text by column."""
    with (FOLDER / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@cache
def read_speeds(name: str, channels: str, steps: str, **only: str) -> tuple[Entry, ...]:
    """Return the entries of a published table for a channel set ("gpu" or "arm"), in its order.

    The values of the column `steps` are the scales 1, 2 and 4, the smallest first. With `only`,
    rows that have these values in these columns alone.
    """
    wanted = {"platform": channels, **only}.items()
    rows = [row for row in read_csv(name) if wanted <= row.items()]
    values = sorted({int(row[steps]) for row in rows})
    return tuple(
        Entry(
            columns=row,
            scale=SCALES[values.index(int(row[steps]))],
            published=Published(float(row["speed"]), row["unit"]),
        )
        for row in rows
    )


# Of Table 8: the column of each platform, its unit, and its batch.
_NETWORK_SPEEDS = {
    "gpu": ("gpu_batches_per_s_batch8", "batches/s", 8),
    "arm": ("arm_images_per_s_batch1", "images/s", 1),
}


@cache
def read_network_speeds(channels: str) -> tuple[Entry, ...]:
    """Return a column of Table 8 in its order, with the suite's name of each network as "name".

    Scales are the nearest of LEVELS. Networks printed twice, as published elsewhere and as "our
    impl.", have the same speeds; the former is kept.
    """
    entries: dict[str, Entry] = {}
    column, unit, batch = _NETWORK_SPEEDS[channels]
    for row in read_csv("table8_networks"):
        name = _network_name(row["model"])
        if row[column] and name not in entries:
            entries[name] = Entry(
                columns={**row, "name": name},
                scale=min(LEVELS, key=lambda level: abs(math.log(float(row["mflops"]) / level))),
                published=Published(float(row[column]), unit, batch),
            )
    return tuple(entries.values())


@dataclass(frozen=True)
class PublishedNetwork:
    """What is printed of a whole network: multiply-adds by the paper, weights where they are known.

    Weights are the paper's own for ShuffleNet v2, and otherwise those of the network's own paper.
    """

    multiply_adds: float
    weights: float | None = None


@cache
def published_networks() -> dict[str, PublishedNetwork]:
    """Return what Tables 5, 6 and 8 print of whole networks, by the suite's names for them.

    Of networks printed both as published elsewhere and as "our impl." the former is kept. Weights
    are those of Table 5, and of the papers that published the other networks first.
    """
    weights = {f"ShuffleNet v2 {width}": figure for width, figure in _table5("Weights").items()}
    for row in read_csv("own_papers_weights"):
        weights[_network_name(row["model"])] = float(row["weights_m"]) * 1e6
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
    name = re.sub(r" \((g=\d+|G=C=\d+)\)", r" \1", name).replace(" (with SE)", " SE")
    width_last = re.fullmatch(r"(IGCV2|IGCV3-D)(?:-| \(|$)([\d.]*)\)?", name)
    if width_last:
        return f"{width_last[1]} {float(width_last[2] or 1):g}x"
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
