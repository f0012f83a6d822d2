"""Fig. 4 (b): how many channels of a block later blocks pass on untouched, and the closed form."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import groupby

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from numpy.typing import NDArray

from guideline_benchmarks.reports.document import Heading, Said, Section, Table
from guideline_benchmarks.reports.formats.images import SETTINGS
from guideline_benchmarks.reports.layout import significant

# For block s and block ℓ, how many channels their outputs share (networks.paper.feature_reuse).
Shared = Sequence[Sequence[int]]
# r = 1 - c'/c: c' of the c channels go into a unit's branch, and they are half of them.
RATIO = 0.5
PLOT = "fig4"
# Table 5's first stage of units.
FIRST_STAGE = 2
COLOURS, NO_PAIR = "Blues", "0.92"
# Percent above which figures are written in white.
DARK = 30
# With more blocks than these, figures would not be legible.
WITH_FIGURES = 8


def closed_form(c: int, distance: int) -> float:
    """Return the paper's r^j·c: channels that blocks j = `distance` apart have in common."""
    return RATIO**distance * c


def _stages(shared: Shared) -> list[slice]:
    """Return which blocks are a stage: those of equally many channels."""
    channels = [row[place] for place, row in enumerate(shared)]
    found, start = [], 0
    for _, alike in groupby(channels):
        stop = start + len(list(alike))
        found.append(slice(start, stop))
        start = stop
    return found


def _longest(shared: Shared) -> tuple[int, Shared]:
    """Return the number of the stage of most blocks, and what these share."""
    stages = _stages(shared)
    place, blocks = max(enumerate(stages), key=lambda one: one[1].stop - one[1].start)
    return FIRST_STAGE + place, [row[blocks] for row in shared[blocks]]


def reuse_section(networks: Mapping[str, Shared]) -> Section:
    """Return what was followed through networks of several widths, by their names."""
    longest = {name: _longest(shared) for name, shared in networks.items()}
    (number, *_), (blocks, *_) = zip(*longest.values(), strict=True)
    stages = {name: shared for name, (_, shared) in longest.items()}
    return Section(
        "Fig. 4: feature reuse",
        [
            "Each channel of a block's output was marked and followed through split, concatenation "
            "and shuffle of the built units; whatever a convolution makes is new. The paper's "
            "closed form says that blocks j apart have r^j·c channels in common, with "
            "r = 1 - c'/c, which is 0.5 where a unit splits its channels in halves.",
        ],
        plots=[(PLOT, "Share of a block's channels that later blocks pass on untouched")],
        tables=[_table(number, len(blocks), stages)],
        verdicts=[_within(networks), _crossing(networks)],
        notes=[
            "Panel (a) of Fig. 4 shows the weights of a trained DenseNet. Nothing is trained here, "
            "so it is not reproduced.",
        ],
        anchor="fig4",
    )


def _table(number: int, blocks: int, stages: Mapping[str, Shared]) -> Table:
    headings = [Heading("blocks apart, j"), Heading("r^j, %")]
    headings += [
        Heading(f"{name}, c = {shared[0][0]}", group="channels in common")
        for name, shared in stages.items()
    ]
    rows = [
        [
            str(distance),
            significant(100 * closed_form(1, distance)),
            *(_entry(shared, distance) for shared in stages.values()),
        ]
        for distance in range(1, blocks)
    ]
    return Table(
        f"Channels that the first block of stage {number} has in common with later ones",
        headings,
        rows,
        note="Followed; r^j·c stands in brackets where it differs.",
    )


def _entry(shared: Shared, distance: int) -> str:
    followed, closed = shared[0][distance], closed_form(shared[0][0], distance)
    return str(followed) if followed == closed else f"{followed} ({closed:.4g})"


def _within(networks: Mapping[str, Shared]) -> Said:
    """Say whether the closed form is what was followed in all stages, but for rounding."""
    rounded = all(
        followed == math.ceil(closed_form(row[source], later))
        for shared in networks.values()
        for blocks in _stages(shared)
        for source, row in enumerate(shared[blocks], start=blocks.start)
        for later, followed in enumerate(row[source : blocks.stop])
    )
    if rounded:
        return Said(
            "Within a stage, followed channels are r^j·c, rounded up: the first channel is never "
            "in the half that goes into a branch.",
            "good",
        )
    return Said("Within a stage, followed channels differ from r^j·c by more than rounding.", "bad")


def _crossing(networks: Mapping[str, Shared]) -> Said:
    """Say what the first unit of a stage lets pass, which the closed form does not tell."""
    crossing = sum(
        sum(row[blocks.stop :])
        for shared in networks.values()
        for blocks in _stages(shared)
        for row in shared[blocks]
    )
    if crossing:
        return Said("Some channels pass from one stage to the next untouched.")
    return Said(
        "From one stage to the next no channel passes untouched: the first unit of a stage has "
        "convolutions in both of its branches, so that reuse begins anew there."
    )


def reuse_figure(name: str, shared: Shared) -> Figure:
    """Return the paper's panel (b) of a network's longest stage, its closed form, and all blocks.

    Pixel (s, ℓ) is the share of block s's output channels that stand untouched in block ℓ's.
    """
    number, stage = _longest(shared)
    distances = np.arange(len(stage)) - np.arange(len(stage))[:, None]
    panels = {
        f"{name}, stage {number}: followed": _shares(stage),
        f"closed form: r^j, j = ℓ - s, r = {RATIO:g}": RATIO ** np.abs(distances),
        f"{name}, all blocks: followed": _shares(shared),
    }
    with mpl.rc_context(SETTINGS):
        figure = Figure(figsize=(10.4, 3.7), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(1, len(panels))
        for panel, (title, shares) in zip(axes, panels.items(), strict=True):
            image = _draw(panel, shares)
            panel.set_title(title, fontsize=9)
        axes[0].set_ylabel("source block s")
        for end in _stages(shared)[1:]:
            axes[-1].axhline(end.start - 0.5, color="0.6", linewidth=0.7)
            axes[-1].axvline(end.start - 0.5, color="0.6", linewidth=0.7)
        figure.colorbar(image, ax=axes, label="share of block s's channels, %", shrink=0.8)
        figure.suptitle("Feature reuse, drawn as Fig. 4 (b); panel (a) needs a trained DenseNet")
    return figure


def _shares(shared: Shared) -> NDArray[np.float64]:
    """Return shared channels as shares of the source's, between 0 and 1."""
    counts = np.array(shared, dtype=float)
    shares: NDArray[np.float64] = counts / np.diagonal(counts)[:, None]
    return shares


def _draw(panel: Axes, shares: NDArray[np.float64]) -> AxesImage:
    """Draw the shares of all pairs of a block and a later one."""
    blocks = len(shares)
    later = np.triu(np.ones_like(shares, dtype=bool), k=1)
    percents = np.where(later, 100 * shares, math.nan)
    panel.set_facecolor(NO_PAIR)
    image = panel.imshow(percents, cmap=COLOURS, vmin=0, vmax=100 * RATIO)
    panel.set_xticks(range(blocks), [str(block + 1) for block in range(blocks)])
    panel.set_yticks(range(blocks), [str(block + 1) for block in range(blocks)])
    panel.tick_params(length=0, labelsize=8 if blocks <= WITH_FIGURES else 7)
    panel.set_xlabel("target block ℓ")
    if blocks <= WITH_FIGURES:
        for source, target in np.argwhere(later):
            share = percents[source, target]
            panel.text(
                target,
                source,
                significant(share),
                ha="center",
                va="center",
                size=7,
                color="white" if share > DARK else "black",
            )
    return image
