"""Networks to put alternatives into, for tests of what comes of them."""

from __future__ import annotations

from tests import small_graphs
from tests.small_graphs import Net, computed

C = 8


def one_convolution():
    """A network of one convolution, "first", with 8 channels of 8×8."""
    made = Net(x=(1, 3, 8, 8))
    made.conv("x", "first", 3, C, 3)
    return made


def run(model):
    return computed(model, small_graphs.given(model))


def residual(net, value, name, project=False):
    inner = net.conv(value, f"{name}.inner", C, C, 3)
    by = net.conv(value, f"{name}.project", C, C) if project else value
    return net.node("Add", [inner, by], f"{name}.sum")
