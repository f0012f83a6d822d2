"""The page that shows how far the cost model of the paper's ARM core can be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from reports.arm_model_plots import scatter
from reports.arm_model_unit import unit_part
from reports.counts import MODELLED
from reports.layout import MISSING, Heading, Part, Table, figure_name, significant
from reports.page import page_markdown
from reports.plots import image
from results.arm_validation import (
    EQUAL_WIDTH,
    FITTED,
    SAME_NETWORK,
    Candidate,
    ValidatedCell,
    Validation,
    errors_of,
    relative_spread,
)
from results.cost_model import CostModel
from results.modelled import prediction_interval
from results.store import write_file

TITLE = "The paper's ARM columns, modelled"
SCATTER = ("arm_model", f"Modelled against published times ({MODELLED})")
TITLES = {
    "g1": "Table 1",
    "g2": "Table 2",
    "g3": "Table 3",
    "g4": "Table 4",
    EQUAL_WIDTH: "Table 4, equal-width reading",
    "table8": "Table 8, whole networks",
    "units-56": "Appendix Table 1b, 56×56",
    "units-28": "Appendix Table 1b, 28×28",
}
GUIDELINES = ("g1", "g2", "g3", "g4")
WORST = 15
LARGE = 0.15


def write_arm_model(validation: Validation, page: Path) -> Path:
    """Write the page, with its plot beside it; return it (raises the errors of write_file)."""
    write_file(page.parent / f"{SCATTER[0]}.svg", image(scatter(validation, TITLES), "svg"))
    parts = [
        _failures(validation),
        _accuracy(validation),
        _coefficients(validation.model),
        _terms(validation.candidates),
        unit_part(validation),
        *_every_cell(validation),
    ]
    write_file(page, page_markdown(TITLE, parts))
    return page


def _failures(validation: Validation) -> Part:
    counted = [cell for cell in validation.cells if cell.group != EQUAL_WIDTH]
    worst = sorted(counted, key=lambda cell: abs(cell.error), reverse=True)
    off = [cell for cell in counted if abs(cell.error) > LARGE]
    sets = [
        f"{TITLES[group]}: {sum(c.group == group for c in off)} of {len(validation.of(group))}"
        for group in TITLES
        if group != EQUAL_WIDTH and validation.of(group)
    ]
    lines = [
        f"All times on this page are {MODELLED}: sums of what an emulated core executed, each "
        "event at a cost that was fitted to published times. No ARM device was at hand.",
        f"{len(off)} of {len(counted)} cells are off by more than {100 * LARGE:.0f} % ("
        f"{'; '.join(sets)}). Below are the {WORST} that are furthest off.",
        "Level and differences are two things. Of Table 4 the level is wrong and the "
        "differences are nearly right; of Table 1 the level is right, and the model shows "
        "only a part of what the guideline costs: see the second table.",
        "What the model cannot know:",
        "- It counts the kernels of ONNX Runtime. The paper's figures come from another, unnamed "
        "Neon library, whose kernels for 3×3, depthwise and narrow convolutions are others. Where "
        "the errors of a whole table have one sign, that is a likely reason.",
        "- One core model: all that a Cortex-A57 does in a cycle is in a few coefficients. "
        "There is no pipeline, no prefetching, no translation of addresses.",
        "- No contention for bandwidth, no other thread, no frequency scaling, no heat. All of "
        "these were in the published figures.",
        "- Published speeds have two or three digits, of which rounding alone takes up to 3 %. And "
        f"the paper's tables differ where they should not: {_disagreement(validation)}.",
    ]
    tables = [_cells_table("Furthest off", worst[:WORST]), _effects(validation)]
    return Part("Where it fails", lines, tables=tables)


def _effects(validation: Validation) -> Table:
    """Return the largest effect of each guideline, published and modelled."""
    headings = [Heading("set", numeric=False), Heading("cell", numeric=False)]
    headings += [Heading("published"), Heading("modelled")]
    rows = []
    for group in GUIDELINES:
        cells = validation.of(group)
        extreme = [cell for cell in cells if cell.cell.row == cells[-1].cell.row]
        rows += [
            [
                TITLES[group],
                _name(c),
                _relative(c.relative_published),
                _relative(c.relative_modelled),
            ]
            for c in extreme
        ]
    caption = "How much it shows of each guideline: speed relative to the base, at the extreme row"
    return Table(caption, headings, rows)


def _disagreement(validation: Validation) -> str:
    """Say how the same convolutions take other times in Table 1 than in Table 2.

    A block of Table 1 at ratio 1:1 holds two of the convolutions of Table 2 with one group.
    """
    twice = {c.cell.axes["c1"]: c for c in validation.of("g1") if c.cell.row == "1:1"}
    once = {c.cell.axes["c"]: c for c in validation.of("g2") if c.cell.row == "g=1"}
    return "; ".join(
        f"twenty convolutions of {width} channels take {significant(twice[width].published_ms)} ms "
        f"in Table 1, ten of them {significant(once[width].published_ms)} ms in Table 2"
        for width in twice
        if width in once
    )


def _accuracy(validation: Validation) -> Part:
    headings = [Heading("set", numeric=False), Heading("tested by", numeric=False)]
    headings += [Heading(t) for t in ("cells", "median error", "90th percentile", "bias")]
    headings += [Heading("rank correlation"), Heading("relative speeds, RMS of logs")]
    headings += [Heading("in the 95 % interval")]
    rows = []
    fitted = [cell for group in FITTED for cell in validation.of(group)]
    for group, title in TITLES.items():
        if validation.of(group):
            tested = "a fit to the other two" if group in FITTED else "in no fit"
            rows.append(_accuracy_row(validation, title, tested, validation.of(group)))
        if group == FITTED[-1]:
            rows.append(_accuracy_row(validation, "Tables 1 to 3", "together", fitted))
        same = [cell for cell in validation.of(group) if cell.same_network]
        if len(same) < len(validation.of(group)):
            also_called = (
                f"of these, multiply-adds within {100 * SAME_NETWORK:.0f} % of the published"
            )
            rows.append(_accuracy_row(validation, also_called, "in no fit", same))
    also = [
        f"{TITLES[group]} {_percent(e.median)} (bias {100 * e.bias:+.0f} %)"
        for group, e in validation.with_table_4.items()
    ]
    lines = [
        "Each of Tables 1 to 3 is modelled by a fit to the other two. All else is modelled "
        "by a fit to all three and took part in none: Table 4, whose unit the paper does not name; "
        "the whole networks of Table 8; stacked units of Appendix Table 1b, whose widths are "
        "a reading of ours (docs/protocol.md, 7). Xception, which networks/ does not have, is left "
        "out. Errors are |modelled / published - 1|, the bias is their median with its sign, "
        "rank correlation is Spearman's.",
        "Leaving out one of all four tables in turn, Table 4 in the others' fits: "
        f"{', '.join(also)}.",
    ]
    table = Table(f"How far modelled times are off ({MODELLED})", headings, rows)
    return Part("How well it does", lines, [SCATTER], [table])


def _accuracy_row(
    validation: Validation, title: str, tested: str, cells: Sequence[ValidatedCell]
) -> list[str]:
    found = errors_of(cells)
    inside = sum(_inside(validation.model, cell) for cell in cells)
    return [
        title,
        tested,
        str(found.cells),
        _percent(found.median),
        _percent(found.p90),
        f"{100 * found.bias:+.1f} %",
        MISSING if found.rank is None else f"{found.rank:.3f}",
        _percent(relative_spread(cells)),
        f"{inside} of {len(cells)}",
    ]


def _inside(model: CostModel, cell: ValidatedCell) -> bool:
    low, high = prediction_interval(model, cell.modelled_ms)
    return low <= cell.published_ms <= high


def _coefficients(model: CostModel) -> Part:
    rows = [
        [figure_name(name), f"{c.ns:.3f}", f"{c.ci95_ns[0]:.3f} to {c.ci95_ns[1]:.3f}"]
        for name, c in model.coefficients.items()
    ]
    headings = [Heading("event", numeric=False), Heading("ns each"), Heading("95 % interval")]
    low, high = prediction_interval(model, 1.0)
    counted = ", ".join(f"{name} {version}" for name, version in model.counted_with.items())
    lines = [
        f"Non-negative least squares on modelled / published - 1, over the {model.cells} cells of "
        "Tables 1 to 3; intervals by drawing cells anew within their tables (1000 times). Which "
        "terms: see below.",
        f"Counted for {model.core} ({model.caches}; lines of 64 bytes, least recently used "
        f"replaced, no prefetching), with {counted}.",
        f"A 95 % prediction interval reaches from {low:.2f} to {high:.2f} times the modelled time. "
        f"It comes from the {model.spread_cells} cells of Tables 1 to 4, none of them seen by the "
        f"fit that models it; Table 4, of which the model is off most, makes it wide.",
    ]
    return Part("The model", lines, tables=[Table("What an event costs", headings, rows)])


def _terms(candidates: Sequence[Candidate]) -> Part:
    groups = [group for group in TITLES if group in candidates[0].errors]
    headings = [Heading("terms", numeric=False), Heading("costs, ns", numeric=False)]
    headings += [Heading("left out, RMS of logs")]
    headings += [Heading(TITLES[group], group="median error") for group in groups]
    rows = [
        [
            " + ".join(map(figure_name, candidate.terms)),
            ", ".join(significant(cost) for cost in candidate.costs.values()),
            _percent(candidate.spread),
            *(_percent(candidate.errors[group].median) for group in groups),
        ]
        for candidate in candidates
    ]
    lines = [
        "Terms are chosen by Tables 1 to 3 alone, each left out of the fit in turn: beginning with "
        "instructions, the term that lowers the error most is added as long as it lowers it by a "
        "twentieth. The first row is the model that this gives. The others show instructions "
        "alone, and what one more term would have done, also on the sets that had no part in "
        "the choice. A cost of 0 says that the term explains nothing that the others do not.",
    ]
    return Part("More terms, and fewer", lines, tables=[Table("Out of sample", headings, rows)])


def _every_cell(validation: Validation) -> list[Part]:
    parts = [
        Table(TITLES[group], *_cells_content(validation.of(group)))
        for group in TITLES
        if validation.of(group)
    ]
    line = f"Published and modelled ({MODELLED}) times; none of the latter saw its own set."
    return [Part("Every cell", [line], tables=parts)]


def _cells_table(caption: str, cells: Sequence[ValidatedCell]) -> Table:
    headings, rows = _cells_content(cells)
    return Table(
        caption,
        [Heading("set", numeric=False), *headings],
        [[TITLES[c.group], *row] for c, row in zip(cells, rows, strict=True)],
    )


def _cells_content(cells: Sequence[ValidatedCell]) -> tuple[list[Heading], list[list[str]]]:
    headings = [Heading("cell", numeric=False), Heading("published, ms"), Heading("modelled, ms")]
    headings += [Heading("error"), Heading("relative speed, published"), Heading("modelled")]
    rows = [
        [
            _name(cell),
            significant(cell.published_ms),
            significant(cell.modelled_ms),
            f"{100 * cell.error:+.0f} %",
            _relative(cell.relative_published),
            _relative(cell.relative_modelled),
        ]
        for cell in cells
    ]
    return headings, rows


def _name(cell: ValidatedCell) -> str:
    """Return a network's name, or a cell's row and scale; a star marks other multiply-adds."""
    network = cell.cell.axes.get("network")
    if network is None:
        return f"{cell.cell.row}, ×{cell.cell.scale}"
    size = cell.cell.axes["size"]
    return f"{network}, {size}×{size}{'' if cell.same_network else ' (other multiply-adds)'}"


def _relative(speed: float | None) -> str:
    return MISSING if speed is None else f"{speed:.3f}"


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.1f} %"
