"""Which reading of Table 4's unit the published ARM column supports."""

from __future__ import annotations

from collections.abc import Sequence

from guideline_benchmarks.guidelines.studies.cortex_a57.cells import relative
from guideline_benchmarks.guidelines.studies.cortex_a57.sets import EQUAL_WIDTH, TABLE_4
from guideline_benchmarks.guidelines.studies.cortex_a57.validation import (
    Validation,
    differences,
    errors_of,
    spread_of,
)
from guideline_benchmarks.reports.document import MISSING, Heading, Section, Table

READINGS = {
    TABLE_4: "c → c/4 → c/4 → c at 56×56",
    EQUAL_WIDTH: "c → c → c → c at 28×28",
}
LEFT_OUT = {"relu": "no shortcut", "shortcut": "no ReLU", "none": "neither"}


def unit_section(validations: Sequence[Validation]) -> Section:
    """Return what both readings of Table 4 say, with the kernels of each backend."""
    read = [group for group in READINGS if all(v.of(group) for v in validations)]
    lines = [
        "The paper says neither how the bottleneck narrows nor at which size its input is (docs/"
        "protocol.md, 4). Both readings were counted.",
        "What tells them apart is not the level but what ReLU and shortcut cost: at equal width "
        "convolutions have so much work that leaving element-wise operations out gains next to "
        "nothing. The second table shows it.",
        "The level decides less, since it hangs on the 3×3 kernel, which of the paper's unnamed "
        "library is not known: the first table has it with each runtime's.",
        *(_conclusion(validation) for validation in validations),
        "Nine ratios that share three bases prove little, and the model is off by as much "
        "elsewhere.",
    ]
    tables = [_readings(validations, read), _element_wise(validations, read)]
    return Section("Table 4's unit", lines, tables=tables)


def _readings(validations: Sequence[Validation], read: list[str]) -> Table:
    headings = [Heading("reading", numeric=False), Heading("kernels", numeric=False)]
    headings += [Heading("median error"), Heading("bias"), Heading("RMS of logs")]
    headings += [Heading("rank correlation"), Heading("relative speeds, RMS of logs")]
    rows = []
    for group in read:
        for validation in validations:
            cells = validation.of(group)
            found = errors_of(cells)
            rows.append(
                [
                    READINGS[group],
                    validation.runtime,
                    f"{100 * found.median:.1f} %",
                    f"{100 * found.bias:+.1f} %",
                    f"{100 * spread_of(cells):.1f} %",
                    MISSING if found.rank is None else f"{found.rank:.3f}",
                    f"{100 * differences(cells).spread:.1f} %",
                ]
            )
    return Table("Two readings of Table 4's unit", headings, rows)


def _element_wise(validations: Sequence[Validation], read: list[str]) -> Table:
    """Return the speed without ReLU, shortcut, or both, relative to the full unit."""
    headings = [Heading("unit", numeric=False), Heading("published")]
    headings += [Heading(v.runtime, group=READINGS[group]) for group in read for v in validations]
    by_set = [v.of(group) for group in read for v in validations]
    rows = []
    for cells in zip(*by_set, strict=True):
        first = cells[0]
        if first.is_base:
            continue
        rows.append(
            [
                f"{LEFT_OUT[first.cell.row]}, c = {first.cell.axes['c']}",
                relative(first.relative_published),
                *(relative(cell.relative_modelled) for cell in cells),
            ]
        )
    return Table("Speed relative to the full unit", headings, rows)


def _conclusion(validation: Validation) -> str:
    one, other = (validation.of(group) for group in READINGS)
    if not other:
        return "The equal-width reading was not counted."
    nearer, further = sorted([one, other], key=lambda cells: differences(cells).spread)
    level, off = sorted([one, other], key=spread_of)
    return (
        f"With {validation.runtime}'s kernels the published column leans to "
        f"{READINGS[nearer[0].group]} by relative speeds: they are off by "
        f"{100 * differences(nearer).spread:.1f} %, those of the other reading by "
        f"{100 * differences(further).spread:.1f} % (root mean square of logarithms; "
        f"{100 * differences(one).null:.1f} % if nothing were gained by leaving anything out). By "
        f"level {READINGS[level[0].group]} is nearer: {100 * spread_of(level):.1f} % against "
        f"{100 * spread_of(off):.1f} %."
    )
