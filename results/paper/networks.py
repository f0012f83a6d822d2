"""The published tables of whole networks: Tables 6, 7 and 8, and Appendix Table 1a."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from guideline_benchmarks.results.paper import network_name, read_csv, speeds_on_platforms
from guideline_benchmarks.results.record.published import Published, Quoted

BASE = "ShuffleNet v2"
# Table 8's groups of networks, by millions of multiply-adds; the paper calls the last one 500+.
LEVELS = (40, 140, 300, 500)
# The height and width at which the paper counts multiply-adds, but for two rows of Table 8.
USUAL_SIZE = 224
# The networks of Fig. 1.
FIGURE_1 = (BASE, "ShuffleNet v1", "MobileNet v2", "Xception")
# Of Table 8: the column of each platform, its unit, and its batch.
_TABLE_8_SPEEDS = {
    "gpu": ("gpu_batches_per_s_batch8", "batches/s", 8),
    "arm": ("arm_images_per_s_batch1", "images/s", 1),
}
_TABLE_7_SPEED = ("gpu_images_per_s_batch4_800x1200", "images/s", 4)


@dataclass(frozen=True)
class NetworkEntry:
    """A whole network in a published table, and all that is printed of it.

    `printed` is its row's text, `name` the suite's name for it, `family` that without width and
    groups. `level` is its group, in millions of multiply-adds, `height` and `width` are its
    input's.
    """

    printed: str
    name: str
    family: str
    level: int
    height: int
    width: int
    quoted: Quoted


@cache
def read_table6() -> tuple[NetworkEntry, ...]:
    """Return the rows of Table 6 in its order; a group begins with each ShuffleNet v2.

    A level is what its ShuffleNet v2 is printed to have. No speeds are printed.
    """
    entries: list[NetworkEntry] = []
    for row in read_csv("table6_large_models"):
        name = network_name(row["model"])
        millions = round(1e3 * float(row["gflops"]))
        begins = BASE in name
        quoted = Quoted(millions * 10**6, float(row["top1_error_percent"]))
        entries.append(
            NetworkEntry(
                printed=row["model"],
                name=name,
                family=BASE if begins else name,
                level=millions if begins else entries[-1].level,
                height=USUAL_SIZE,
                width=USUAL_SIZE,
                quoted=quoted,
            )
        )
    return tuple(entries)


@cache
def read_table7() -> tuple[NetworkEntry, ...]:
    """Return the rows of Table 7 in its order: mmAP, and the whole detector's speed on the GPU."""
    column, unit, batch = _TABLE_7_SPEED
    return tuple(
        NetworkEntry(
            printed=row["backbone"],
            name=_at_level(row["backbone"], int(row["mflops_level"])),
            family=row["backbone"],
            level=int(row["mflops_level"]),
            height=800,
            width=1200,
            quoted=Quoted(
                mmap=float(row["mmap_percent"]),
                speeds={"gpu": Published(float(row[column]), unit, batch)},
            ),
        )
        for row in read_csv("table7_detection")
    )


@cache
def read_table8() -> tuple[NetworkEntry, ...]:
    """Return the rows of Table 8 in its order; a group begins with each plain ShuffleNet v2.

    Networks printed twice, as published elsewhere and as "our impl.", are in it twice. Of some no
    speed is printed.
    """
    return tuple(_table8())


def _table8() -> Iterator[NetworkEntry]:
    levels, level = iter(LEVELS), LEVELS[0]
    for row in read_csv("table8_networks"):
        name, size = network_name(row["model"]), int(row["input_size"])
        family = _family(name)
        if family == BASE:
            level = next(levels)
        speeds = {
            platform: Published(float(row[column]), unit, batch)
            for platform, (column, unit, batch) in _TABLE_8_SPEEDS.items()
            if row[column]
        }
        yield NetworkEntry(
            printed=row["model"],
            name=name,
            family=family,
            level=level,
            height=size,
            width=size,
            quoted=Quoted(
                multiply_adds=10**6 * int(row["mflops"]),
                top1_error=float(row["top1_error_percent"]),
                speeds=speeds,
            ),
        )


@cache
def read_table1a() -> tuple[NetworkEntry, ...]:
    """Return the rows of Appendix Table 1a in its order; sizes are read as width×height."""
    table = speeds_on_platforms(
        "appendix_table1a_resolutions", "input_size", "network", "mflops_level"
    )
    entries = []
    for (size, family, level), speeds in table.items():
        width, height = map(int, size.split("x"))
        name = _at_level(family, int(level))
        entries.append(
            NetworkEntry(family, name, family, int(level), height, width, Quoted(speeds=speeds))
        )
    return tuple(entries)


def _at_level(family: str, level: int) -> str:
    """Return the suite's name of the network that a family has at a level of multiply-adds.

    That is Table 8's with the usual input, where levels are counted. ShuffleNet v2* is in Table 7
    alone, and has ShuffleNet v2's widths.
    """
    known = family.rstrip("*")
    for entry in read_table8():
        if (entry.family, entry.level, entry.height) == (known, level, USUAL_SIZE):
            return entry.name.replace(known, family)
    raise ValueError(f"Table 8 has no {family} of {level} M at {USUAL_SIZE}×{USUAL_SIZE}")


def _family(name: str) -> str:
    """Return a network's name without its width, groups and other sizes."""
    return re.sub(r" ([\d.]+x|g=\d+|G=C=\d+|\d+ @ \d+)", "", name)
