"""The page that shows how far the cost model of the paper's ARM core can be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from guideline_benchmarks.guidelines.studies.cortex_a57.account import account
from guideline_benchmarks.guidelines.studies.cortex_a57.cells import (
    cells_table,
    relative_table,
    set_table,
)
from guideline_benchmarks.guidelines.studies.cortex_a57.kernels import kernels_section
from guideline_benchmarks.guidelines.studies.cortex_a57.plots import SCATTER, scatter
from guideline_benchmarks.guidelines.studies.cortex_a57.sets import (
    EQUAL_WIDTH,
    SPREAD_SETS,
    TABLE_1,
    TABLE_2,
    TITLES,
)
from guideline_benchmarks.guidelines.studies.cortex_a57.unit import unit_section
from guideline_benchmarks.guidelines.studies.cortex_a57.validation import (
    ValidatedCell,
    Validation,
)
from guideline_benchmarks.reports.document import Document, Section, Table
from guideline_benchmarks.reports.formats.images import image
from guideline_benchmarks.reports.formats.markdown import markdown
from guideline_benchmarks.reports.layout import significant
from guideline_benchmarks.reports.run.counts import MODELLED
from guideline_benchmarks.results.store.files import write_file

TITLE = "The paper's ARM columns, modelled"
WORST = 15
LARGE = 0.15


def write_arm_model(validations: Sequence[Validation], page: Path) -> Path:
    """Write the page, with its plot beside it; return it (raises the errors of write_file).

    The first validation is of the model that comes with the suite, the others are of kernels that
    explain less.
    """
    write_file(
        page.parent / f"{SCATTER[0]}.svg", image(scatter(validations, TITLES), "svg"), "--page"
    )
    best, *others = validations
    sections = [
        _failures(validations),
        kernels_section(validations),
        *account(best, ""),
        unit_section(validations),
        *(section for one in others for section in account(one, f", with {one.runtime}")),
        _every_cell(validations),
    ]
    write_file(page, markdown(Document(page.stem, TITLE, sections)), "--page")
    return page


def _failures(validations: Sequence[Validation]) -> Section:
    validation = validations[0]
    counted = _counted(validation)
    worst = sorted(counted, key=lambda cell: abs(cell.error), reverse=True)
    turned = [cell for cell in counted if _reversed(cell)]
    lines = [
        f"All times on this page are {MODELLED}: sums of what an emulated core executed, each "
        "event at a cost that was fitted to published times. No ARM device was at hand.",
        f"The kernels of {', '.join(v.runtime for v in validations)} were counted. Where "
        f"nothing else is said, what follows is of {validation.runtime}'s, which explain the "
        "paper's tables best.",
        *(_off(one) for one in validations),
        f"Below are the {WORST} cells that are furthest off.",
        f"Levels are better than differences. Of {len(turned)} cells the model has the wrong "
        "side of their base cell, faster instead of slower or slower instead of faster: the second "
        "table. How much of what the guidelines cost it shows: the third.",
        "What the model cannot know:",
        "- It counts kernels of today's runtimes. The paper's figures come from another, unnamed "
        "Neon library, whose kernels for 3×3, depthwise and narrow convolutions are others. Where "
        "the errors of a whole table have one sign, that is a likely reason.",
        "- One core model: all that a Cortex-A57 does in a cycle is in a few coefficients. "
        "There is no pipeline, no prefetching, no translation of addresses.",
        "- No contention for bandwidth, no other thread, no frequency scaling, no heat. All of "
        "these were in the published figures.",
        "- Published speeds have two or three digits, of which rounding alone takes up to 3 %. And "
        f"the paper's tables differ where they should not: {_disagreement(validation)}.",
    ]
    tables = [
        cells_table("Furthest off", worst[:WORST]),
        relative_table("Modelled on the wrong side of the base cell", turned),
        _effects(validation),
    ]
    return Section("Where it fails", lines, tables=tables)


def _counted(validation: Validation) -> list[ValidatedCell]:
    """Return the cells of all sets, Table 4's in its default reading."""
    return [cell for cell in validation.cells if cell.group != EQUAL_WIDTH]


def _off(validation: Validation) -> str:
    counted = _counted(validation)
    off = [cell for cell in counted if abs(cell.error) > LARGE]
    sets = [
        f"{TITLES[group]}: {sum(c.group == group for c in off)} of {len(validation.of(group))}"
        for group in TITLES
        if group != EQUAL_WIDTH and validation.of(group)
    ]
    return (
        f"With {validation.runtime}'s kernels {len(off)} of {len(counted)} cells are off by more "
        f"than {100 * LARGE:.0f} % ({'; '.join(sets)})."
    )


def _effects(validation: Validation) -> Table:
    """Return the largest effect of each guideline, published and modelled."""
    extreme = []
    for group in SPREAD_SETS:
        cells = validation.of(group)
        extreme += [cell for cell in cells if cell.cell.row == cells[-1].cell.row]
    return relative_table("How much of each guideline it shows, at the extreme row", extreme)


def _reversed(cell: ValidatedCell) -> bool:
    """Whether a cell is modelled faster than its base and published slower, or the other way."""
    one, other = cell.relative_modelled, cell.relative_published
    return bool(one and other and not cell.is_base and (one - 1) * (other - 1) < 0)


def _disagreement(validation: Validation) -> str:
    """Say how the same convolutions take other times in Table 1 than in Table 2.

    A block of Table 1 at ratio 1:1 holds two of the convolutions of Table 2 with one group.
    """
    twice = {c.cell.axes["c1"]: c for c in validation.of(TABLE_1) if c.cell.row == "1:1"}
    once = {c.cell.axes["c"]: c for c in validation.of(TABLE_2) if c.cell.row == "g=1"}
    return "; ".join(
        f"twenty convolutions of {width} channels take {significant(twice[width].published_ms)} ms "
        f"in Table 1, ten of them {significant(once[width].published_ms)} ms in Table 2"
        for width in twice
        if width in once
    )


def _every_cell(validations: Sequence[Validation]) -> Section:
    parts = [set_table(validations, group) for group in TITLES if validations[0].of(group)]
    line = f"Published and modelled ({MODELLED}) times; none of the latter saw its own set."
    return Section("Every cell", [line], tables=parts)
