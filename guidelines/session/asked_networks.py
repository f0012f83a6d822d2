"""The network that a command line names: one of the suite's own, or one of the user's."""

from __future__ import annotations

import difflib

from pydantic import TypeAdapter

from guideline_benchmarks.guidelines.export.input_options import parse_input, parse_range
from guideline_benchmarks.guidelines.export.user_networks import is_onnx, named
from guideline_benchmarks.results.errors import BadInputError
from guideline_benchmarks.results.record.cells import Given, UserNetwork, WholeNetwork
from guideline_benchmarks.results.record.network_cost import NetworkCost
from guideline_benchmarks.results.store.files import refuse_unreadable


def asked_network(model: str, given: Given) -> WholeNetwork | UserNetwork:
    """Return the network that MODEL and its options name; nothing of it is loaded.

    Raises BadInputError for options that cannot be read, for files that are not there, and for a
    name that is none of the suite's networks.
    """
    refuse_unreadable(model, given.values, given.python)
    for text in given.inputs:
        parse_input(text)
    for text in given.ranges:
        parse_range(text)
    if ":" in model or is_onnx(model):
        named(model)
        return UserNetwork(model=model, given=given)
    from guideline_benchmarks.networks.catalogue import NETWORKS

    if model not in NETWORKS:
        near = difflib.get_close_matches(model, NETWORKS, n=1)
        hint = f"Did you mean {near[0]}?" if near else "The suite's own: guidelines networks."
        raise BadInputError(
            f"{model!r} is neither an .onnx file, nor module:callable, say my_models.nets:small, "
            f"nor a network by name. {hint}"
        )
    if given != Given():
        raise BadInputError(
            f"--input and its like are for networks of your own: {model} has "
            f"{NETWORKS[model].size}×{NETWORKS[model].size}."
        )
    return WholeNetwork(name=model, size=NETWORKS[model].size)


def named_cost(network: WholeNetwork) -> NetworkCost:
    """Count one of the suite's networks; nothing is computed, and no memory taken by weights."""
    import torch

    from guideline_benchmarks.networks.catalogue import NETWORKS
    from guideline_benchmarks.networks.cost import cost

    with torch.device("meta"):
        module = NETWORKS[network.name].build()
    counted = cost(module, network.input_shape).as_dict()
    return TypeAdapter(NetworkCost).validate_python(counted)
