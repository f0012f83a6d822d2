"""All that is found in a network, as it is recorded, and the graphs that are timed for it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from onnx import ModelProto

from guideline_benchmarks.guidelines.advice.block_widths import block_widths
from guideline_benchmarks.guidelines.advice.channel_ratio import channel_ratio
from guideline_benchmarks.guidelines.advice.declarations import cell
from guideline_benchmarks.guidelines.advice.drafts import Draft, Option
from guideline_benchmarks.guidelines.advice.elementwise import elementwise
from guideline_benchmarks.guidelines.advice.fragmentation import fragmentation
from guideline_benchmarks.guidelines.advice.graph import Graph, taken_by
from guideline_benchmarks.guidelines.advice.group_count import group_count
from guideline_benchmarks.guidelines.advice.layers import why_no_layer
from guideline_benchmarks.guidelines.advice.parts import Cut
from guideline_benchmarks.guidelines.export import derived
from guideline_benchmarks.networks.onnx_free import FREE, operator
from guideline_benchmarks.results.advice.record import Alternative, Found, Kind, Timed
from guideline_benchmarks.results.decomposition.operators import category_of
from guideline_benchmarks.results.record.cells import DerivedNetwork

# As much of a graph's SHA-256 as names a row: the same part is timed once, wherever it occurs.
ROW = 16
# Findings beyond these are named, and not timed: hundreds would take a quarter of an hour.
MOST_TIMED = 60
FLOW = ("If", "Loop", "Scan")


def drafts(
    graph: Graph, executed: Collection[str], blocks: Mapping[Kind, int | None]
) -> list[Draft]:
    """Return all that is found in a graph, guideline by guideline.

    `executed` are the nodes that the runtime executes by themselves, `blocks` its blocks of widths.
    """
    found = [
        *block_widths(graph, blocks),
        *channel_ratio(graph),
        *group_count(graph),
        *fragmentation(graph),
        *elementwise(graph, executed),
    ]
    return _largest_timed(found)


def _largest_timed(found: Sequence[Draft]) -> list[Draft]:
    """Return findings, those that move least memory marked as not timed where there are many."""
    largest = sorted(found, key=lambda draft: -draft.memory_access_cost * len(draft.places))
    timed = {id(draft) for draft in largest[:MOST_TIMED]}
    why = f"of {len(found)} findings only the {MOST_TIMED} that move most memory are timed"
    return [
        draft
        if id(draft) in timed or draft.unmeasured
        else replace(draft, cut=None, options=(), unmeasured=why)
        for draft in found
    ]


@dataclass
class Collected:
    """Findings with the graphs that they are timed by, which are kept in the folder `store`.

    `parts` are these graphs by row. `options` are those of each finding, in its order.
    """

    of: str
    store: Path
    parts: dict[str, DerivedNetwork] = field(default_factory=dict)
    findings: list[Found] = field(default_factory=list)
    options: list[Sequence[Option]] = field(default_factory=list)

    def add(self, draft: Draft) -> None:
        """Add a finding, and its graphs unless they are there."""
        alternatives = [
            Alternative(
                text=option.text,
                timed=self._timed(option.cut),
                multiply_adds=option.multiply_adds,
                weights=option.weights,
                in_place=option.change is not None,
            )
            for option in draft.options
        ]
        self.options.append(draft.options)
        self.findings.append(
            Found(
                guideline=draft.guideline,
                title=draft.title,
                why=draft.why,
                places=[[node.name for node in place] for place in draft.places],
                inputs=[list(shape) for shape in draft.inputs],
                outputs=[list(shape) for shape in draft.outputs],
                multiply_adds=draft.multiply_adds,
                memory_access_cost=draft.memory_access_cost,
                memory_access_bound=draft.memory_access_bound,
                weights=draft.weights,
                timed=self._timed(draft.cut),
                alternatives=alternatives,
                unmeasured=draft.unmeasured,
            )
        )

    def _timed(self, cut: Cut | None) -> Timed:
        if cut is None:
            return Timed()
        return Timed(inside=self._kept(cut.inside), around=self._kept(cut.around))

    def _kept(self, model: ModelProto) -> str:
        network = derived.keep(self.store, model, self.of)
        row = network.graph[:ROW]
        self.parts[row] = network
        return cell(row, network).name


def control_flow(graph: Graph) -> list[str]:
    """Return the names of the nodes that decide, as they run, what runs in them."""
    return [node.name for node in graph.nodes if node.op_type in FLOW]


def unseen(graph: Graph) -> Iterator[str]:
    """Yield sentences: what in a graph was not looked at, and why."""
    flow = control_flow(graph)
    if flow:
        yield f"The bodies of {', '.join(flow)}: what runs in them is known only when it runs."
    unknown = [
        operator(node)
        for node in graph.nodes
        if operator(node) not in FREE
        and node.op_type not in FLOW
        and category_of(node.op_type) is None
    ]
    if unknown:
        yield f"{_counted(unknown)}: operators that are not known here."
    said = [(why, node.op_type) for node in graph.nodes if (why := why_no_layer(graph, node))]
    for reason in dict.fromkeys(why for why, _ in said):
        operators = [name for why, name in said if why == reason]
        yield f"{_counted(operators)}: G0 to G3 are not looked for in {reason}."
    open_ones = [n.name for n in graph.nodes if any(graph.shape(o) is None for o in n.output if o)]
    if open_ones:
        plural = "s" if len(open_ones) > 1 else ""
        they = "they run" if plural else "it runs"
        yield f"{len(open_ones)} node{plural}, whose sizes are known only when {they}."


def _counted(names: Sequence[str]) -> str:
    return ", ".join(f"{names.count(name)} {name}" for name in dict.fromkeys(names))


def changed(
    model: ModelProto, changes: Sequence[Callable[[ModelProto], None]], said: Mapping[str, str]
) -> ModelProto:
    """Return a copy of a model with changes made; what is `said` stands in its metadata."""
    copy = ModelProto()
    copy.CopyFrom(model)
    # What was known of shapes is of the network as it was.
    del copy.graph.value_info[:]
    for change in changes:
        change(copy)
    _pass_nothing_on(copy)
    used = {name for node in copy.graph.node for name in taken_by(node)}
    kept = [tensor for tensor in copy.graph.initializer if tensor.name in used]
    constants = [tensor.SerializeToString() for tensor in kept]
    del copy.graph.initializer[:]
    for constant in constants:
        copy.graph.initializer.add().ParseFromString(constant)
    for name, text in said.items():
        _say(copy, name, text)
    return copy


def _say(model: ModelProto, key: str, text: str) -> None:
    """Add a text to a model's metadata, after what an earlier change says there."""
    entries = [entry for entry in model.metadata_props if entry.key == key]
    entry = entries[0] if entries else model.metadata_props.add(key=key)
    if text not in entry.value:
        entry.value = "; ".join(filter(None, (entry.value, text)))


def _pass_nothing_on(model: ModelProto) -> None:
    """Have what changes pass on (by nodes of Identity) taken from where it comes from."""
    returned = {value.name for value in model.graph.output}
    passing = [
        node
        for node in model.graph.node
        if node.op_type == "Identity" and node.output[0] not in returned
    ]
    source = {node.output[0]: node.input[0] for node in passing}
    for node in passing:
        model.graph.node.remove(node)
    for node in model.graph.node:
        for place, value in enumerate(node.input):
            while value in source:
                value = source[value]
            node.input[place] = value
