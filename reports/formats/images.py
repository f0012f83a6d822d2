"""Figures as images: how plots look, and the files that they become."""

from __future__ import annotations

import io
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
    # Names come from the record; they are text, not formulas.
    "text.parse_math": False,
}
DPI = 150
Kind = Literal["png", "svg"]
KINDS: tuple[Kind, ...] = ("svg", "png")


def image(figure: Figure, kind: Kind) -> bytes:
    """Return a figure as PNG or SVG, the same bytes for the same figure."""
    buffer = io.BytesIO()
    with mpl.rc_context(SETTINGS):
        metadata = {"Date": None} if kind == "svg" else None
        figure.savefig(buffer, format=kind, dpi=DPI, metadata=metadata)
    return buffer.getvalue()


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
