"""What is found in a network, all put in at once."""

from __future__ import annotations

import onnx
import pytest
from torch import nn

from guideline_benchmarks.guidelines.advice.block_widths import block_widths
from guideline_benchmarks.guidelines.advice.collected import changed, drafts
from guideline_benchmarks.guidelines.advice.executed import likely_executed
from guideline_benchmarks.guidelines.advice.graph import graph_of
from guideline_benchmarks.guidelines.advice.layers import layers
from tests.graphs import Residual, convolution, graph_from, outputs_of

BLOCKS = {"1×1": 16, "3×3": 16, "depthwise": 16}


def stack(*members):
    return nn.Sequential(*members)


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


def test_a_network_that_was_changed_twice_says_both():
    model = graph_from(convolution(3, 16), (1, 3, 8, 8)).model
    model.metadata_props.add(key="author", value="somebody")
    always = {"weights": "0"}
    once = changed(model, [], {"changes": "wider", **always})
    twice = changed(once, [], {"changes": "undivided", **always})
    onnx.checker.check_model(twice)
    said = {entry.key: entry.value for entry in twice.metadata_props}
    assert said == {"author": "somebody", "changes": "wider; undivided", "weights": "0"}
