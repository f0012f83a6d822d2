"""What the paper prints of whole networks beside their speed: a table, and whether Fig. 1."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from guideline_benchmarks.reports.document import MISSING, Table
from guideline_benchmarks.reports.layout import by_cell, excess, millions
from guideline_benchmarks.results.paper.networks import FIGURE_1
from guideline_benchmarks.results.record.cells import Cell, Experiment
from guideline_benchmarks.results.record.published import Quoted

if TYPE_CHECKING:
    # What it imports takes long, and pages of many runs do not need it.
    from guideline_benchmarks.results.tables.summary import CellResult, Column

ACCURACY_TITLE = "Fig. 1: accuracy (published, not measured), speed and multiply-adds"


def with_accuracy(columns: Sequence[Column]) -> Iterator[tuple[CellResult, float, Quoted]]:
    """Yield the cells of which the paper prints accuracy and speeds: their top-1 error, and all."""
    for column in columns:
        for result in column.results:
            quoted = result.cell.quoted
            if quoted and quoted.speeds and quoted.top1_error is not None:
                yield result, quoted.top1_error, quoted


def shows_accuracy(columns: Sequence[Column]) -> bool:
    """Whether there is a Fig. 1 of them: any such network of its families was measured."""
    return any(
        result.timing and result.cell.row in FIGURE_1 for result, _, _ in with_accuracy(columns)
    )


def accuracy_name(experiment: Experiment) -> str:
    """Return the name of an experiment's Fig. 1 among a report's figures."""
    return f"{experiment.name}-accuracy"


def quoted_tables(columns: Sequence[Column]) -> list[Table]:
    """Return what the paper prints of networks beside their speed, none where it prints nothing."""
    quotes = [r.cell.quoted for column in columns for r in column.results if r.cell.quoted]
    shown = [
        one for one in _COLUMNS if any(getattr(quoted, one[0]) is not None for quoted in quotes)
    ]
    if not shown:
        return []

    def entries(result: CellResult) -> list[str]:
        cell, quoted = result.cell, result.cell.quoted or Quoted()
        named = str(cell.axes.get("network", cell.row))
        return [named, *(entry(cell, quoted) for _, _, entry in shown)]

    caption = "Counted multiply-adds, and what the paper prints (quoted, not measured)"
    return [by_cell(columns, caption, ["network", *(title for _, title, _ in shown)], entries)]


def _counted(cell: Cell, _: Quoted) -> str:
    return millions(cell.multiply_adds / cell.network.batch)


def _multiply_adds(_: Cell, quoted: Quoted) -> str:
    return f"{quoted.multiply_adds / 1e6:g}" if quoted.multiply_adds else MISSING


def _difference(cell: Cell, quoted: Quoted) -> str:
    """Return by how many percent an image's multiply-adds exceed the published ones."""
    if not quoted.multiply_adds:
        return MISSING
    return excess(cell.multiply_adds / cell.network.batch, quoted.multiply_adds)


def _top1_error(_: Cell, quoted: Quoted) -> str:
    return MISSING if quoted.top1_error is None else str(quoted.top1_error)


def _mmap(_: Cell, quoted: Quoted) -> str:
    return MISSING if quoted.mmap is None else str(quoted.mmap)


# By the field that any cell must have for the column to be shown.
_COLUMNS: Sequence[tuple[str, str, Callable[[Cell, Quoted], str]]] = (
    ("multiply_adds", "multiply-adds an image, M", _counted),
    ("multiply_adds", "published", _multiply_adds),
    ("multiply_adds", "difference", _difference),
    ("top1_error", "top-1 error, % (published)", _top1_error),
    ("mmap", "mmAP, % (published)", _mmap),
)
