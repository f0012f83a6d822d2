"""G0, of this suite's own: widths that do not suit the runtime's blocks of channels."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from guideline_benchmarks.guidelines.advice.drafts import Draft, Option, grouped, layer_draft
from guideline_benchmarks.guidelines.advice.graph import Graph
from guideline_benchmarks.guidelines.advice.layers import Layer, layers, standing, with_widths
from guideline_benchmarks.guidelines.advice.parts import cut
from guideline_benchmarks.guidelines.advice.widening import Widths, widen, widths_of
from guideline_benchmarks.results.advice.record import Kind


def block_widths(graph: Graph, blocks: Mapping[Kind, int | None]) -> Iterator[Draft]:
    """Yield the convolutions of widths that are no multiples of the blocks of their kind.

    Raises CannotCutError as guidelines.advice.parts.cut does.
    """
    widths = widths_of(graph)
    found = [layer for layer in layers(graph) if _sides(graph, layer, blocks)]

    def key(layer: Layer) -> Hashable:
        sides = _sides(graph, layer, blocks)
        return standing(graph, layer), layer.node.input[0] in sides, len(sides)

    for equal in grouped(found, key):
        yield _draft(graph, equal, blocks, widths)


def kind_of(layer: Layer) -> Kind | None:
    """Return which kind of convolution a layer is of, None of what was not measured as such."""
    if layer.is_depthwise:
        return "depthwise"
    if layer.groups > 1 or not layer.kernel:
        return None
    return "1×1" if math.prod(layer.kernel) == 1 else "3×3"


def _sides(graph: Graph, layer: Layer, blocks: Mapping[Kind, int | None]) -> dict[str, int]:
    """Return the values before and behind a layer whose width does not suit, with their widths.

    What is given to the network, and what it returns, is as wide as it has to be; so is the other
    side of a depthwise one.
    """
    kind = kind_of(layer)
    block = blocks.get(kind) if kind else None
    if block is None:
        return {}
    before, behind = layer.node.input[0], layer.nodes[-1].output[0]
    given, returned = before in graph.inputs, behind in graph.outputs
    if layer.is_depthwise and (given or returned):
        return {}
    sides = {}
    if layer.c1 % block and not given:
        sides[before] = layer.c1
    if layer.c2 % block and not returned:
        sides[behind] = layer.c2
    return sides


def rounded(width: int, block: int, *, up: bool = True) -> int:
    """Return the next multiple of a block above a width, or below it."""
    return (-(-width // block) if up else width // block) * block


def _draft(
    graph: Graph, equal: Sequence[Layer], blocks: Mapping[Kind, int | None], widths: Widths
) -> Draft:
    layer, kind = equal[0], kind_of(equal[0])
    block = (blocks.get(kind) if kind else None) or 1
    sides = _sides(graph, layer, blocks)
    up = _rounded(graph, layer, sides, block, up=True)
    every = {v: width for one in equal for v, width in _sides(graph, one, blocks).items()}
    if all(widths.is_free(value) for value in every):
        to = {widths.group[value]: rounded(width, block) for value, width in every.items()}
        change = partial(widen, to=to, widths=widths)
        up = replace(up, change=change, touches=frozenset(to))
    options = [up]
    if min(sides.values()) > block:
        options.append(_rounded(graph, layer, sides, block, up=False))
    said = " and ".join(str(width) for width in dict.fromkeys(sides.values()))
    why = f"{said} channels are no multiple of {block}, the block of {kind} convolutions here."
    return layer_draft("G0", why, equal, cut(graph, layer.nodes), options)


def _rounded(
    graph: Graph, layer: Layer, sides: Mapping[str, int], block: int, *, up: bool
) -> Option:
    """Return a layer with those of its widths rounded that do not suit."""

    def width(value: str, channels: int) -> int:
        if value not in sides:
            return channels
        return rounded(channels, block, up=up)

    first = width(layer.node.input[0], layer.c1)
    second = width(layer.nodes[-1].output[0], layer.c2)
    groups = layer.groups
    if layer.is_depthwise:
        # Each of its channels has as many outputs as before.
        groups, second = first, first * (layer.c2 // layer.c1)
    other, made = with_widths(layer, graph, first, second, groups)
    return Option(
        f"{'up' if up else 'down'} to {first}→{second} channels",
        made,
        other.cost.multiply_adds,
        other.cost.weights,
    )
