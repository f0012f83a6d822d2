"""Layers cut out of a network, and networks that were changed: they compute what they should."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from guideline_benchmarks.guidelines.advice.block_widths import block_widths
from guideline_benchmarks.guidelines.advice.collected import changed, drafts
from guideline_benchmarks.guidelines.advice.elementwise import elementwise
from guideline_benchmarks.guidelines.advice.executed import likely_executed
from guideline_benchmarks.guidelines.advice.graph import graph_of
from guideline_benchmarks.guidelines.advice.group_count import group_count
from guideline_benchmarks.guidelines.advice.layers import layers, with_widths
from guideline_benchmarks.guidelines.advice.parts import FEW, CannotCutError, cut
from guideline_benchmarks.guidelines.advice.widening import widen, widths_of
from guideline_benchmarks.runners.proof import count_operators
from tests.graphs import Concat, Gate, Residual, Split, convolution, graph_from, outputs_of

IMAGE = (1, 32, 14, 14)
# tests/test_advice_cuts.py and test_advice_in_place.py say nearly the same of graphs made by hand.
pytestmark = pytest.mark.slow
BLOCKS = {"1×1": 16, "3×3": 16, "depthwise": 16}


def stack(*members):
    return nn.Sequential(*members)


def optimised(model, folder):
    """The graph that ONNX Runtime really executes."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.optimized_model_filepath = str(folder / "optimised.onnx")
    onnxruntime.InferenceSession(model.SerializeToString(), options)
    return onnx.load(options.optimized_model_filepath)


def test_a_cut_holds_the_layers_and_what_makes_and_takes_their_values(tmp_path):
    graph = graph_from(
        stack(convolution(32, 48), convolution(48, 64, 3), convolution(64, 8)), IMAGE
    )
    nodes = graph.nodes[2:4]
    found = cut(graph, nodes)
    inside, around = (count_operators(optimised(m, tmp_path)) for m in (found.inside, found.around))
    # One more convolution and its ReLU, and nothing of it was optimised away.
    assert (inside.convolutions, inside.relus) == (around.convolutions + 1, around.relus + 1)
    for model in (found.inside, found.around):
        assert [list_of(value) for value in model.graph.input] == [[1, FEW, 14, 14]]
        (output,) = outputs_of(model)
        assert output.shape[2:] == (1, 1)
        assert np.isfinite(output).all()


def list_of(value):
    return [size.dim_value for size in value.type.tensor_type.shape.dim]


def test_the_output_of_a_cut_is_a_corner_of_what_the_layers_compute():
    graph = graph_from(convolution(32, 16, 3), IMAGE)
    model = cut(graph, graph.nodes).inside
    whole = onnx.ModelProto()
    whole.CopyFrom(model)
    pool = whole.graph.node.pop()
    whole.graph.output[0].name = pool.input[0]
    (corner,), (maps,) = outputs_of(model), outputs_of(whole)
    assert corner[0, :, 0, 0] == pytest.approx(maps[0, :, :2, :2].max(axis=(1, 2)))


def test_several_inputs_and_outputs_are_made_and_taken():
    graph = graph_from(stack(Split(convolution(16, 16)), Split(convolution(16, 16))), IMAGE)
    (draft,) = [
        d
        for d in elementwise(graph, {n.name for n in graph.nodes if n.op_type != "Relu"})
        if "Concat" in d.title and "Split" in d.title
    ]
    assert len(draft.cut.inside.graph.input) == len(draft.cut.inside.graph.output) == 2
    assert len(draft.cut.around.graph.input) == 2
    # Left out, its inputs are its outputs.
    assert len(outputs_of(draft.options[0].cut.inside)) == 2


def test_a_layer_among_group_convolutions_is_timed_among_them():
    module = stack(convolution(32, 64, 1, 2), convolution(64, 64, 3), convolution(64, 32, 1, 2))
    graph = graph_from(module, IMAGE)
    middle = next(layer for layer in layers(graph) if layer.kernel == (3, 3))
    _, found = with_widths(middle, graph, 64, 64, 1)
    groups = [
        attribute.i
        for node in found.inside.graph.node
        for attribute in node.attribute
        if attribute.name == "group"
    ]
    assert sorted(groups) == [1, 2, 2]
    # What takes the output is there without the layer, too.
    around = [n.op_type for n in found.around.graph.node]
    assert around.count("Conv") == [n.op_type for n in found.inside.graph.node].count("Conv") - 1


def test_what_cannot_be_made_is_refused_with_a_reason():
    graph = graph_from(nn.Conv3d(2, 2, 1), (1, 2, 3, 4, 4))
    with pytest.raises(CannotCutError, match="5 axes"):
        cut(graph, graph.nodes)


def test_left_out_nodes_leave_a_network_that_runs_with_the_same_outputs_shapes():
    module = stack(convolution(32, 32), Residual(convolution(32, 32, 3)), convolution(32, 8))
    graph = graph_from(module, IMAGE)
    (draft,) = elementwise(graph, {n.name for n in graph.nodes if n.op_type == "Add"})
    model = changed(graph.model, [draft.options[0].change], {"said": "so"})
    assert "Add" not in {node.op_type for node in model.graph.node}
    assert [o.shape for o in outputs_of(model)] == [o.shape for o in outputs_of(graph.model)]
    assert {entry.key: entry.value for entry in model.metadata_props} == {"said": "so"}
    # The original is as it was.
    assert "Add" in {node.op_type for node in graph.model.graph.node}


def test_an_addition_whose_shortcut_computes_is_not_left_out():
    module = stack(convolution(32, 32), Residual(convolution(32, 64), convolution(32, 64)))
    graph = graph_from(stack(module, convolution(64, 8)), IMAGE)
    (draft,) = elementwise(graph, {n.name for n in graph.nodes if n.op_type == "Add"})
    assert draft.options[0].change is None


def test_undivided_convolutions_have_the_same_shapes():
    graph = graph_from(stack(convolution(32, 64, 3, 4), convolution(64, 32, 1, 2)), IMAGE)
    changes = [draft.options[-1].change for draft in group_count(graph)]
    model = changed(graph.model, changes, {})
    assert {
        layer.groups for layer in layers(graph_of(onnx.shape_inference.infer_shapes(model)))
    } == {1}
    assert [o.shape for o in outputs_of(model)] == [o.shape for o in outputs_of(graph.model)]


BLOCK_OF = {
    "plain": lambda c: convolution(c, c, 3),
    "residual": lambda c: Residual(stack(convolution(c, c + 2), convolution(c + 2, c))),
    "depthwise": lambda c: convolution(c, c, 3, c),
    "gate": Gate,
    "split": lambda c: Split(convolution(c // 2, c // 2)),
    "concat": lambda c: stack(Concat(convolution(c, c), convolution(c, c)), convolution(2 * c, c)),
    "projected": lambda c: stack(convolution(c, c + 5), convolution(c + 5, c)),
}


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.sampled_from(sorted(BLOCK_OF)), min_size=1, max_size=4), st.sampled_from([6, 10])
)
def test_a_widened_network_computes_what_it_did(names, width):
    module = stack(
        convolution(3, width, 3),
        *[BLOCK_OF[name](width) for name in names],
        convolution(width, 12),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(12, 5),
    )
    graph = graph_from(module, (1, 3, 8, 8))
    widths = widths_of(graph)
    free = {group for group in widths.group.values() if group not in widths.fixed}
    model = changed(graph.model, [lambda m: widen(m, dict.fromkeys(free, 16), widths)], {})
    assert outputs_of(model)[0] == pytest.approx(outputs_of(graph.model)[0], rel=1e-4, abs=1e-5)
    assert free
    wide = {layer.c2 for layer in layers(graph_of(onnx.shape_inference.infer_shapes(model)))}
    assert 16 in wide


def test_what_a_graph_divides_or_gives_away_stays_as_wide_as_it_is():
    graph = graph_from(stack(convolution(32, 32), Split(convolution(16, 16))), IMAGE)
    widths = widths_of(graph)
    for value in (*graph.inputs, *graph.outputs):
        assert widths.group[value] in widths.fixed
    (split,) = [node for node in graph.nodes if node.op_type == "Split"]
    assert widths.group[split.input[0]] in widths.fixed


def test_all_that_can_be_put_in_is_put_in_together():
    module = stack(
        convolution(3, 24, 3),
        Residual(stack(convolution(24, 40), convolution(40, 24, 1, 2))),
        convolution(24, 24, 3, 24),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(24, 10),
    )
    graph = graph_from(module, (1, 3, 8, 8))
    found = drafts(graph, likely_executed(graph), BLOCKS)
    changes = [option.change for draft in found for option in draft.options if option.change]
    assert len(changes) == 2
    assert [o.shape for o in outputs_of(changed(graph.model, changes, {}))] == [(1, 10)]


def test_widths_are_rounded_in_all_places_of_a_group():
    graph = graph_from(
        stack(convolution(3, 24, 3), convolution(24, 24, 3, 24), convolution(24, 16)), (1, 3, 8, 8)
    )
    changes = [draft.options[0].change for draft in block_widths(graph, BLOCKS)]
    model = changed(graph.model, changes, {})
    found = list(layers(graph_of(onnx.shape_inference.infer_shapes(model))))
    assert [(layer.c1, layer.c2, layer.groups) for layer in found] == [
        (3, 32, 1),
        (32, 32, 32),
        (32, 16, 1),
    ]
    assert outputs_of(model)[0] == pytest.approx(outputs_of(graph.model)[0], rel=1e-4, abs=1e-5)
