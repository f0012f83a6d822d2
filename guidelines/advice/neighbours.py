"""What stands before and behind a layer, as far as a runtime chooses layouts by it.

Runtimes keep channels in blocks between ordinary convolutions, and not where channels are divided
into groups; so what a layer costs depends on which of these it stands among.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from onnx import NodeProto

from guideline_benchmarks.guidelines.advice.graph import Graph
from guideline_benchmarks.guidelines.advice.widening import KEEPING
from guideline_benchmarks.networks.onnx_cost import attributes


@dataclass(frozen=True)
class Neighbour:
    """A convolution in groups that stands next to a layer, by way of what keeps channels or not.

    `groups` is None of a depthwise one, which has as many as there are channels.
    """

    groups: int | None
    kernel: tuple[int, int]

    def of(self, channels: int) -> int:
        """Return into how many groups it divides that many channels; 1 where it cannot."""
        if self.groups is None:
            return channels
        return self.groups if channels % self.groups == 0 else 1


def before(graph: Graph, value: str) -> Neighbour | None:
    """Return the grouped convolution that a value comes from; None of any other source."""
    return _followed(
        graph,
        value,
        lambda name: [graph.producers[name]] if name in graph.producers else [],
        graph.variables,
    )


def behind(graph: Graph, value: str) -> Neighbour | None:
    """Return the grouped convolution that a value goes to; None of any other taker."""
    return _followed(
        graph, value, lambda name: graph.consumers.get(name, []), lambda node: list(node.output)
    )


def _followed(
    graph: Graph,
    value: str,
    nodes: Callable[[str], Sequence[NodeProto]],
    values: Callable[[NodeProto], Sequence[str]],
) -> Neighbour | None:
    """Follow a value one way through what keeps channels, to the first convolution."""
    waiting, seen = [value], {value}
    while waiting:
        for node in nodes(waiting.pop(0)):
            if node.op_type == "Conv":
                return _neighbour(graph, node)
            if node.op_type in KEEPING:
                further = [name for name in values(node) if name not in seen]
                waiting += further
                seen.update(further)
    return None


def _neighbour(graph: Graph, node: NodeProto) -> Neighbour | None:
    groups = attributes(node).get("group", 1)
    x, weights = graph.shape(node.input[0]), graph.shape(node.input[1])
    if groups == 1 or x is None or weights is None or len(weights) != 4:
        return None
    return Neighbour(None if groups == x[1] else groups, (weights[2], weights[3]))
