"""The plot of the cost model's validation: modelled against published time."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from guideline_benchmarks.guidelines.studies.cortex_a57.sets import (
    FITTED,
    INPUTS,
    TABLE_1,
    TABLE_2,
    TABLE_3,
    TABLE_4,
    TABLE_8,
    UNITS_28,
    UNITS_56,
)
from guideline_benchmarks.guidelines.studies.cortex_a57.validation import Validation
from guideline_benchmarks.reports.formats.images import SETTINGS
from guideline_benchmarks.reports.run.counts import MODELLED

# Okabe and Ito's palette; marks tell the sets apart in grey.
_STYLES = {
    TABLE_1: ("#000000", "o"),
    TABLE_2: ("#0072B2", "s"),
    TABLE_3: ("#009E73", "D"),
    TABLE_4: ("#D55E00", "^"),
    TABLE_8: ("#CC79A7", "v"),
    INPUTS[0]: ("#666666", "1"),
    INPUTS[1]: ("#666666", "2"),
    INPUTS[2]: ("#666666", "3"),
    UNITS_56: ("#E69F00", "P"),
    UNITS_28: ("#56B4E9", "X"),
}
BAND = 1.1
SCATTER = ("arm_model", f"Modelled against published times ({MODELLED})")


def scatter(validations: Sequence[Validation], titles: dict[str, str]) -> Figure:
    """Return modelled against published time on log axes, a row of panels for each validation.

    Fitted tables stand left, all others right. The band is within 10 %. Table 4 is shown in its
    default reading.
    """
    with mpl.rc_context(SETTINGS):
        figure = Figure(figsize=(9.6, 4.8 * len(validations)), layout="constrained")
        FigureCanvasAgg(figure)
        rows = figure.subplots(len(validations), 2, sharex=True, sharey=True, squeeze=False)
        times = [c.published_ms for v in validations for c in v.cells if c.group in _STYLES]
        ends = (min(times) * 0.8, max(times) * 1.25)
        for panels, validation in zip(rows, validations, strict=True):
            shown = [group for group in _STYLES if validation.of(group)]
            sets = (
                ("Tables 1 to 3, each left out of the fit", [g for g in shown if g in FITTED]),
                ("in no fit", [g for g in shown if g not in FITTED]),
            )
            for panel, (title, groups) in zip(panels, sets, strict=True):
                _draw(panel, validation, groups, titles, ends)
                panel.set(title=f"{validation.runtime}: {title}")
            panels[0].set_ylabel("modelled, ms (not measured); grey: within 10 %")
        for panel in rows[-1]:
            panel.set_xlabel("published, ms (Snapdragon 810)")
    return figure


def _draw(
    panel: Axes,
    validation: Validation,
    groups: Sequence[str],
    titles: dict[str, str],
    ends: tuple[float, float],
) -> None:
    panel.plot(ends, ends, color="0.5", linewidth=0.8, zorder=1)
    low, high = [e / BAND for e in ends], [e * BAND for e in ends]
    panel.fill_between(ends, low, high, color="0.9", zorder=0)
    for group in groups:
        cells = validation.of(group)
        colour, mark = _STYLES[group]
        panel.plot(
            [c.published_ms for c in cells],
            [c.modelled_ms for c in cells],
            linestyle="none",
            marker=mark,
            markersize=5,
            color=colour,
            markerfacecolor="none",
            label=titles[group],
            zorder=2,
        )
    panel.set(xscale="log", yscale="log", xlim=ends, ylim=ends)
    for axis in (panel.xaxis, panel.yaxis):
        axis.set_major_formatter("{x:g}")
    panel.legend(frameon=False, fontsize=8)
