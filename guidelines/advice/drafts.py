"""What a guideline's rule finds in a graph, before anything is timed."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from onnx import ModelProto, NodeProto

from guideline_benchmarks.guidelines.advice.graph import Shape
from guideline_benchmarks.guidelines.advice.layers import Layer
from guideline_benchmarks.guidelines.advice.parts import Cut
from guideline_benchmarks.results.advice.record import Guideline

T = TypeVar("T")
Change = Callable[[ModelProto], None]


@dataclass(frozen=True)
class Option:
    """What could stand in a finding's place: how it is timed, None of nothing at all.

    `change` puts it into a copy of the whole network, in all places; None where it cannot be. What
    it `touches`, by name, others may touch, too: these go in together, or none of them.
    """

    text: str
    cut: Cut | None
    multiply_adds: int
    weights: int
    change: Change | None = None
    touches: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Draft:
    """A place where a graph departs from a guideline, and all equal ones (see Found).

    `cut` is None where it cannot be timed, for the reason `unmeasured`.
    """

    guideline: Guideline
    title: str
    why: str
    places: Sequence[Sequence[NodeProto]]
    inputs: Sequence[Shape]
    outputs: Sequence[Shape]
    multiply_adds: int
    memory_access_cost: int
    memory_access_bound: float | None
    weights: int
    cut: Cut | None
    options: Sequence[Option] = ()
    unmeasured: str = ""


def grouped(items: Iterable[T], key: Callable[[T], Hashable]) -> list[list[T]]:
    """Return items with equal keys together, in the order in which they first occur."""
    groups: dict[Hashable, list[T]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return list(groups.values())


def layer_draft(
    guideline: Guideline,
    why: str,
    equal: Sequence[Layer],
    cut: Cut,
    options: Sequence[Option],
) -> Draft:
    """Return a finding about equal layers, `cut` out of the network."""
    layer, cost = equal[0], equal[0].cost
    return Draft(
        guideline=guideline,
        title=layer.title,
        why=why,
        places=[one.nodes for one in equal],
        inputs=[layer.x],
        outputs=[layer.y],
        multiply_adds=cost.multiply_adds,
        memory_access_cost=cost.memory_access_cost,
        memory_access_bound=cost.memory_access_bound if layer.groups == 1 else None,
        weights=cost.weights,
        cut=cut,
        options=options,
    )
