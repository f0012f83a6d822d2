"""A block as a graph of the operators that a reader sees, traced from the module itself.

What is drawn of it looks like the paper's Fig. 3 and its Appendix Fig. 1 and 2: norms and
activations are no boxes of their own, but are written beside the arrow of what they follow.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from operator import add, getitem
from typing import Any

import torch
from torch import fx, nn

from guideline_benchmarks.networks.layers import ChannelShuffle, SqueezeExcitation

_WHOLE = {ChannelShuffle: "Channel Shuffle", SqueezeExcitation: "SE"}
_BESIDE = {nn.BatchNorm2d: "BN", nn.ReLU: "ReLU"}
_FUNCTIONS = {torch.cat: "Concat", add: "Add", "chunk": "Channel Split"}


@dataclass(frozen=True)
class Operator:
    """A box of a diagram. The first one of a block stands for its input, the last makes its output.

    `inputs` are places of earlier operators, each with the part of its output that is taken: 1 for
    the second half of a split, 0 otherwise. `then` is the norm and activation that follow.
    """

    label: str
    inputs: tuple[tuple[int, int], ...]
    then: str = ""


def operators(block: nn.Module) -> tuple[Operator, ...]:
    """Return the operators of a block with one input, each after those it takes from.

    Additions one after the other are one of them all. Raises KeyError for a function that the
    paper's blocks do not have, and torch.fx's errors for a block that cannot be traced.
    """
    found: list[Operator] = []
    places: dict[fx.Node, tuple[int, int]] = {}
    modules = dict(block.named_modules())
    for node in _Tracer().trace(block).nodes:
        first = node.all_input_nodes[0] if node.all_input_nodes else node
        module = modules.get(str(node.target))
        if node.op == "output" or _goes_on(node):
            continue
        if isinstance(module, nn.Identity):
            node.replace_all_uses_with(first)
        elif node.target is getitem:
            places[node] = (places[first][0], node.args[1])
        elif type(module) in _BESIDE and _leaves_a_box_alone(first):
            before = found[places[first][0]]
            then = f"{before.then} {_BESIDE[type(module)]}".strip()
            found[places[first][0]] = replace(before, then=then)
            places[node] = places[first]
        else:
            inputs = tuple(places[operand] for operand in _operands(node))
            places[node] = (len(found), 0)
            found.append(Operator(_label(node, module), inputs))
    return tuple(found)


class _Tracer(fx.Tracer):
    """Sees shuffles and SE modules as one operator each."""

    def is_leaf_module(self, module: nn.Module, name: str) -> bool:
        return type(module) in _WHOLE or super().is_leaf_module(module, name)


def _leaves_a_box_alone(node: fx.Node) -> bool:
    """Whether a node is all that leaves a box, and goes to one other node only."""
    whole = node.op != "placeholder" and node.target is not getitem
    return whole and len(node.users) == 1


def _goes_on(node: fx.Node) -> bool:
    """Whether a node is a sum that is added to another and to nothing else."""
    return node.target is add and [user.target for user in node.users] == [add]


def _operands(node: fx.Node) -> Iterator[fx.Node]:
    """Yield what a node takes; of a sum, all that is added."""
    for operand in node.all_input_nodes:
        if node.target is add and _goes_on(operand):
            yield from _operands(operand)
        else:
            yield operand


def _label(node: fx.Node, module: Any) -> str:
    if node.op == "placeholder":
        return "Input"
    if isinstance(module, nn.Conv2d):
        return _convolution(module)
    if isinstance(module, nn.AvgPool2d):
        return f"{module.kernel_size}×{module.kernel_size} AvgPool (stride {module.stride})"
    if module is None:
        return _FUNCTIONS[node.target]
    return _WHOLE.get(type(module)) or _BESIDE.get(type(module)) or type(module).__name__


def _convolution(layer: nn.Conv2d) -> str:
    depthwise = layer.groups == layer.in_channels > 1
    kind = "DWConv" if depthwise else "GConv" if layer.groups > 1 else "Conv"
    height, width = layer.kernel_size
    stride = f" (stride {layer.stride[0]})" if layer.stride[0] > 1 else ""
    return f"{height}×{width} {kind}{stride}"
