"""What the paper prints of whole networks beside their speed, as columns of a table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from guideline_benchmarks.reports.document import MISSING
from guideline_benchmarks.reports.layout import excess
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


def _multiply_adds(_: Cell, quoted: Quoted) -> str:
    return f"{quoted.multiply_adds / 1e6:g}" if quoted.multiply_adds else MISSING


def _difference(cell: Cell, quoted: Quoted) -> str:
    """Return by how many percent an image's multiply-adds exceed the published ones."""
    if not quoted.multiply_adds:
        return MISSING
    return excess(cell.multiply_adds / cell.network.batch, quoted.multiply_adds)


def _top1_error(_: Cell, quoted: Quoted) -> str:
    return MISSING if quoted.top1_error is None else f"{quoted.top1_error:g}"


def _mmap(_: Cell, quoted: Quoted) -> str:
    return MISSING if quoted.mmap is None else f"{quoted.mmap:g}"


# By the field that any cell must have for the column to be shown.
_COLUMNS: Sequence[tuple[str, str, Callable[[Cell, Quoted], str]]] = (
    ("multiply_adds", "published, M an image", _multiply_adds),
    ("multiply_adds", "difference", _difference),
    ("top1_error", "top-1 error, % (published)", _top1_error),
    ("mmap", "mmAP, % (published)", _mmap),
)


def quoted_titles(columns: Sequence[Column]) -> list[str]:
    """Return the titles of the columns that any cell has figures for."""
    return [title for _, title, _ in _shown(columns)]


def quoted_entries(columns: Sequence[Column], cell: Cell) -> list[str]:
    """Return a cell's entries under `quoted_titles`."""
    quoted = cell.quoted or Quoted()
    return [entry(cell, quoted) for _, _, entry in _shown(columns)]


def _shown(columns: Sequence[Column]) -> list[tuple[str, str, Callable[[Cell, Quoted], str]]]:
    quotes = [r.cell.quoted for column in columns for r in column.results if r.cell.quoted]
    return [
        shown
        for shown in _COLUMNS
        if any(getattr(quoted, shown[0]) is not None for quoted in quotes)
    ]
