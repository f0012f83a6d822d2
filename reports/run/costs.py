"""What a network costs, as tables and sentences: layer by layer, by operator, and in all."""

from __future__ import annotations

from collections import defaultdict

from guideline_benchmarks.reports.document import MISSING, Heading, Table
from guideline_benchmarks.reports.layout import significant
from guideline_benchmarks.results.record.cells import UserNetwork, shape_text
from guideline_benchmarks.results.record.network_cost import CountedLayer, NetworkCost

_HEADINGS = [
    Heading("multiply-adds, M"),
    Heading("%"),
    Heading("weights, k"),
    Heading("activations, k"),
    Heading("MAC, k"),
    Heading("MAC / bound"),
]
MEANING = (
    "MAC is the memory access cost in elements: what a layer reads and writes (Eq. 1 and 2); its "
    "bound is the least that the same multiply-adds allow ungrouped (Eq. 1). Element-wise "
    "operations, norms and pooling are not multiply-adds, as in the paper."
)


def layers_table(name: str, cost: NetworkCost) -> Table:
    """Return a row for each layer, in the order in which they run, and one for all."""
    rows = [
        [layer.name or MISSING, layer.operator, _shapes(layer), *_figures(layer, cost)]
        for layer in cost.layers
    ]
    headings = [
        Heading("layer", numeric=False),
        Heading("operator", numeric=False),
        Heading("inputs → output", numeric=False),
        *_HEADINGS,
    ]
    rows.append(["all", "", "", *_totals(cost)])
    return Table(f"{name}: what each layer costs", headings, rows, note=MEANING)


def operators_table(name: str, cost: NetworkCost) -> Table:
    """Return a row for each kind of operator, the one with most multiply-adds first, and all."""
    kinds: dict[str, list[CountedLayer]] = defaultdict(list)
    for layer in cost.layers:
        kinds[layer.operator].append(layer)
    by_size = sorted(kinds.items(), key=lambda kind: -sum(one.multiply_adds for one in kind[1]))
    rows = [[kind, str(len(layers)), *_summed(layers, cost)] for kind, layers in by_size]
    rows.append(["all", str(len(cost.layers)), *_totals(cost)])
    headings = [Heading("operator", numeric=False), Heading("layers"), *_HEADINGS]
    return Table(f"{name}: what it costs, by operator", headings, rows)


def cost_sentence(cost: NetworkCost) -> str:
    """Return what a network costs in all, and that it is a lower bound if something is left out."""
    least = "at least " if cost.uncounted else ""
    return (
        f"It costs {least}{_amount(cost.multiply_adds)} multiply-adds and "
        f"{_amount(cost.memory_access_cost)} elements of memory access "
        f"({_bytes(cost.memory_access_bytes)}), with {_amount(cost.weights)} weights and "
        f"{_amount(cost.activations)} activations."
    )


def _amount(number: int) -> str:
    """Return a number with a unit: "41.80 M", "7.276 k", "556"."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{significant(number / size, 4)} {unit}"
    return str(number)


def _bytes(number: int) -> str:
    return f"{_amount(number)}B" if number >= 1e3 else f"{number} B"


def uncounted_sentences(cost: NetworkCost) -> list[str]:
    """Return one sentence that names what multiplies and adds and is not counted, or none."""
    if not cost.uncounted:
        return []
    named = ", ".join(f"{name} ({times}×)" for name, times in cost.uncounted.items())
    return [f"Not counted, though it multiplies and adds: {named}."]


def inputs_sentence(network: UserNetwork) -> str:
    """Return what a user's network takes and returns."""
    takes = ", ".join(tensor.text for tensor in network.inputs)
    gives = ", ".join(tensor.text for tensor in network.outputs)
    return f"It takes {takes or 'nothing'}{f' and returns {gives}' if gives else ''}."


def _shapes(layer: CountedLayer) -> str:
    inputs = ", ".join(shape_text(shape) or "1" for shape in layer.inputs)
    return f"{inputs} → {', '.join(shape_text(shape) or '1' for shape in layer.outputs)}"


def _figures(layer: CountedLayer, cost: NetworkCost) -> list[str]:
    return [
        significant(layer.multiply_adds / 1e6),
        _percent(layer.multiply_adds, cost),
        significant(layer.weights / 1e3),
        significant(layer.activations / 1e3),
        significant(layer.memory_access_cost / 1e3),
        _ratio(layer.memory_access_cost, layer.memory_access_bound),
    ]


def _summed(layers: list[CountedLayer], cost: NetworkCost) -> list[str]:
    multiply_adds = sum(layer.multiply_adds for layer in layers)
    bounded = all(layer.memory_access_bound for layer in layers)
    access = sum(layer.memory_access_cost for layer in layers)
    bound = sum(layer.memory_access_bound or 0 for layer in layers) if bounded else None
    return [
        significant(multiply_adds / 1e6),
        _percent(multiply_adds, cost),
        significant(sum(layer.weights for layer in layers) / 1e3),
        significant(sum(layer.activations for layer in layers) / 1e3),
        significant(access / 1e3),
        _ratio(access, bound),
    ]


def _totals(cost: NetworkCost) -> list[str]:
    bounded = cost.layers and all(layer.memory_access_bound for layer in cost.layers)
    return [
        significant(cost.multiply_adds / 1e6),
        _percent(cost.multiply_adds, cost),
        significant(cost.weights / 1e3),
        significant(cost.activations / 1e3),
        significant(cost.memory_access_cost / 1e3),
        _ratio(cost.memory_access_cost, cost.memory_access_bound if bounded else None),
    ]


def _percent(multiply_adds: int, cost: NetworkCost) -> str:
    return f"{100 * multiply_adds / cost.multiply_adds:.1f}" if cost.multiply_adds else MISSING


def _ratio(access: int, bound: float | None) -> str:
    return f"{access / bound:.2f}" if bound else MISSING
