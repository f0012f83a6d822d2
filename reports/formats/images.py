"""Figures as images: how plots look, and the files that they become."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import matplotlib as mpl
from matplotlib.figure import Figure

from guideline_benchmarks.results.store.background import in_background
from guideline_benchmarks.results.store.files import write_file

SETTINGS: Any = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.hashsalt": "guidelines",
    # Text can be searched and read out, and takes a third of what outlines of letters do.
    "svg.fonttype": "none",
    # One name: every text would name all that matplotlib would fall back to.
    "font.sans-serif": ["DejaVu Sans"],
    # Names come from the record; they are text, not formulas.
    "text.parse_math": False,
}
DPI = 150
_PLACES = re.compile(rb' (?:d|x|y|width|height)="[^"]*"')
_FRACTION = re.compile(rb"\d+\.\d{3,}")
_INDENTATION = re.compile(rb"\n +<")
# Between a letter of a path and its numbers no space is needed, nor within a style.
_GAPS = re.compile(rb"\s*([A-Za-z])\s*")
_NAME, _REFERENCE = re.compile(rb' id="([^"]*)"'), re.compile(rb"#([^\s\"')]+)")
_STYLE = re.compile(rb' style="[^"]*"')
# What only says how the file was made.
NO_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))
Kind = Literal["png", "svg"]
KINDS: tuple[Kind, ...] = ("svg", "png")


def image(figure: Figure, kind: Kind) -> bytes:
    """Return a figure as PNG or SVG, the same bytes for the same figure."""
    buffer = io.BytesIO()
    with mpl.rc_context(SETTINGS):
        metadata = NO_METADATA if kind == "svg" else None
        figure.savefig(buffer, format=kind, dpi=DPI, metadata=metadata)
    return compact(buffer.getvalue()) if kind == "svg" else buffer.getvalue()


def compact(svg: bytes) -> bytes:
    """Return an SVG as it looks without needless space and names, places to 1/100 of a point."""

    def shorter(attribute: re.Match[bytes]) -> bytes:
        name, value = attribute[0][:-1].split(b'="')
        value = _FRACTION.sub(lambda number: b"%.2f" % float(number[0]), value)
        return name + b'="' + (_GAPS.sub(rb"\1", value) if name == b" d" else value) + b'"'

    def plain(style: re.Match[bytes]) -> bytes:
        return style[0].replace(b"; ", b";").replace(b": ", b":")

    named = set(_REFERENCE.findall(svg))

    def needed(name: re.Match[bytes]) -> bytes:
        return name[0] if name[1] in named else b""

    small = _NAME.sub(needed, _PLACES.sub(shorter, svg))
    return _STYLE.sub(plain, _INDENTATION.sub(b"\n<", small))


def write_images(
    figures: Mapping[str, Figure], folder: Path, meanwhile: Callable[[], None] = lambda: None
) -> dict[str, bytes]:
    """Write every figure as NAME.png and NAME.svg into `folder`; return the SVGs by name.

    `meanwhile` is called while they are drawn. Raises the errors of write_file.
    """
    jobs = [(name, figure, kind) for name, figure in figures.items() for kind in KINDS]
    drawings = {}
    with in_background(_draw, jobs) as pictures:
        meanwhile()
        for (name, _, kind), picture in zip(jobs, pictures, strict=True):
            write_file(folder / f"{name}.{kind}", picture)
            if kind == "svg":
                drawings[name] = picture
    return drawings


def _draw(job: tuple[str, Figure, Kind]) -> bytes:
    _, figure, kind = job
    return image(figure, kind)
