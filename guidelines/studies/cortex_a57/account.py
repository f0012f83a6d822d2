"""How well the kernels of one backend explain the paper's ARM columns, and at what costs."""

from __future__ import annotations

from collections.abc import Sequence

from guideline_benchmarks.guidelines.studies.cortex_a57.plots import SCATTER
from guideline_benchmarks.guidelines.studies.cortex_a57.sets import (
    EQUAL_WIDTH,
    FITTED,
    SPREAD_SETS,
    TITLES,
)
from guideline_benchmarks.guidelines.studies.cortex_a57.validation import (
    SAME_NETWORK,
    ValidatedCell,
    Validation,
    differences,
    errors_of,
)
from guideline_benchmarks.reports.cost_model.errors import HEADINGS, error_entries
from guideline_benchmarks.reports.document import Heading, Section, Table
from guideline_benchmarks.reports.layout import figure_name, significant
from guideline_benchmarks.reports.run.counts import MODELLED
from guideline_benchmarks.results.cost_model.cost_model import CostModel
from guideline_benchmarks.results.cost_model.modelled import prediction_interval


def account(validation: Validation, of: str) -> list[Section]:
    """Return how well one backend's kernels do, at what costs; `of` ends the sections' titles."""
    return [_accuracy(validation, of), _coefficients(validation, of), _terms(validation, of)]


def _accuracy(validation: Validation, of: str) -> Section:
    headings = [Heading("set", numeric=False), Heading("tested by", numeric=False)]
    headings += [*HEADINGS, Heading("in the 95 % interval")]
    relative = ("RMS of logs", "if all were equal", "reversed")
    headings += [Heading(title, group="relative speeds:") for title in relative]
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
        f"Counted are {validation.runtime}'s kernels. "
        "Each of Tables 1 to 3 is modelled by a fit to the other two. All else is modelled "
        "by a fit to all three and took part in none: Table 4, whose unit the paper does not name; "
        "the whole networks of Table 8 and of Appendix Table 1a; stacked units of Appendix Table "
        "1b, whose widths are a reading of ours (docs/protocol.md, 7). "
        "Errors are |modelled / published - 1|, the bias is their median with its sign, rank "
        "correlation is Spearman's. A star marks cells whose own errors made the interval as "
        "wide as it is: of them that they lie in it is no test. Reversed are cells that the "
        "model puts on the wrong side of their base cell.",
        "Leaving out one of all four tables in turn, Table 4 in the others' fits: "
        f"{', '.join(also)}.",
    ]
    table = Table(f"How far modelled times are off ({MODELLED})", headings, rows)
    return Section(f"How well it does{of}", lines, [] if of else [SCATTER], [table])


def _accuracy_row(
    validation: Validation, title: str, tested: str, cells: Sequence[ValidatedCell]
) -> list[str]:
    inside = sum(_inside(validation.model, cell) for cell in cells)
    # The interval is as wide as the errors of these very cells make it.
    own = "*" if {cell.group for cell in cells} <= {*SPREAD_SETS} else ""
    relative = differences(cells)
    return [
        title,
        tested,
        *error_entries(errors_of(cells)),
        f"{inside} of {len(cells)}{own}",
        _percent(relative.spread),
        _percent(relative.null),
        f"{relative.reversed_} of {relative.cells}",
    ]


def _inside(model: CostModel, cell: ValidatedCell) -> bool:
    low, high = prediction_interval(model, cell.modelled_ms)
    return low <= cell.published_ms <= high


def _coefficients(validation: Validation, of: str) -> Section:
    model = validation.model
    rows = [
        [figure_name(name), f"{c.ns:.3f}", f"{c.ci95_ns[0]:.3f} to {c.ci95_ns[1]:.3f}"]
        for name, c in model.coefficients.items()
    ]
    headings = [Heading("event", numeric=False), Heading("ns each"), Heading("95 % interval")]
    low, high = prediction_interval(model, 1.0)
    counted = ", ".join(f"{name} {version}" for name, version in model.counted_with.items())
    lines = [
        f"Non-negative least squares on modelled / published - 1, over the {model.cells} cells of "
        "Tables 1 to 3; intervals by drawing cells anew within their tables (1000 times), so they "
        "hold for these three tables. Other sets of networks would have given other costs: see the "
        "second table. Which terms: see below.",
        f"Counted for {model.core} ({model.caches}; lines of 64 bytes, least recently used "
        f"replaced, no prefetching), with {counted}.",
        f"A 95 % prediction interval reaches from {low:.2f} to {high:.2f} times the modelled time. "
        f"It comes from the {model.spread_cells} cells of Tables 1 to 4, none of them seen by the "
        "fit that models it, and takes them for independent, which those of one table are not.",
    ]
    alone = [
        [TITLES[group], *(f"{costs[term]:.3f}" for term in model.coefficients)]
        for group, costs in validation.alone.items()
    ]
    terms = [Heading(figure_name(term)) for term in model.coefficients]
    tables = [
        Table("What an event costs", headings, rows),
        Table(
            "Costs in ns, fitted to one set alone", [Heading("set", numeric=False), *terms], alone
        ),
    ]
    return Section(f"The model{of}", lines, tables=tables)


def _worth(validation: Validation) -> str:
    """Say what the chosen terms gain over instructions alone on sets without part in the choice."""
    chosen, least = validation.candidates[:2]
    groups = [group for group in chosen.errors if group not in (*FITTED, EQUAL_WIDTH)]
    said = [
        f"{TITLES[group]} {_percent(chosen.errors[group].median)} against "
        f"{_percent(least.errors[group].median)}"
        for group in groups
    ]
    return (
        "The choice rests on Tables 1 to 3. Of the sets that had no part in it, the median "
        f"error of the chosen model against that of instructions alone: {'; '.join(said)}."
    )


def _terms(validation: Validation, of: str) -> Section:
    candidates = validation.candidates
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
    tables = [Table("Out of sample", headings, rows)]
    return Section(f"More terms, and fewer{of}", lines, tables=tables)


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.1f} %"
