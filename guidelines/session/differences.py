"""In what a stored run and what is asked for now differ."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from guideline_benchmarks.results.record.cells import Cell, DerivedNetwork, UserNetwork
from guideline_benchmarks.results.record.platform import REACHING, Platform
from guideline_benchmarks.results.record.protocol import Protocol
from guideline_benchmarks.results.record.schema import Run

if TYPE_CHECKING:
    from guideline_benchmarks.guidelines.session.runs import Plan


def differences(run: Run, plan: Plan) -> list[str]:
    """Name what a stored run and a plan disagree on, with both values."""
    pairs = [
        ("experiments", [e.name for e in run.experiments], [e.name for e in plan.experiments]),
        ("networks", _rows(run.cells), _rows(plan.cells)),
        ("networks' graphs", _graphs(run.cells), _graphs(plan.cells)),
        ("inputs", _inputs(run.cells), _inputs(plan.cells)),
        ("platform", run.platform.name, plan.platform.name),
        ("costs in ns", run.model and run.model.costs, plan.cost_model and plan.cost_model.costs),
    ]
    # What a machine is, its fingerprint decides; a board may have got another address meanwhile.
    for field in (field for field in Platform.model_fields if field not in REACHING):
        pairs.append((field, getattr(run.platform, field), getattr(plan.platform, field)))
    for field in Protocol.model_fields:
        pairs.append((field, getattr(run.protocol, field), getattr(plan.protocol, field)))
    found = [(name, *map(_short, (a, b))) for name, a, b in pairs if a != b]
    return list(dict.fromkeys(f"{name} ({a} / {b})" for name, a, b in found))


def _short(value: object) -> str:
    return textwrap.shorten(str(value), 80)


def _rows(cells: Sequence[Cell]) -> str:
    """Name the rows of some cells, to tell one set from another, whatever their order."""
    return ", ".join(sorted({cell.row for cell in cells}))


def _graphs(cells: Sequence[Cell]) -> str:
    """Name the graphs that were made of a user's network, whatever their rows are called."""
    derived = [cell.network for cell in cells if isinstance(cell.network, DerivedNetwork)]
    return ", ".join(network.graph[:8] for network in derived)


def _inputs(cells: Sequence[Cell]) -> str:
    """Name what was said of the inputs of the user's networks among some cells."""
    given = [cell.network.given for cell in cells if isinstance(cell.network, UserNetwork)]
    words = [[*one.inputs, *one.ranges, one.values, one.python] for one in given]
    return "; ".join(" ".join(filter(None, said)) for said in words)
