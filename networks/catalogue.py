"""The whole networks by name: those whose cost or speed the paper prints, and their family.

And the units that they are made of, as far as the paper stacks them (Appendix Table 1b).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from torch import nn

from guideline_benchmarks.networks.whole.condensenet import condensenet
from guideline_benchmarks.networks.whole.densenet import densenet
from guideline_benchmarks.networks.whole.igcv2 import igcv2
from guideline_benchmarks.networks.whole.igcv3 import igcv3_d
from guideline_benchmarks.networks.whole.mobilenet_v1 import mobilenet_v1
from guideline_benchmarks.networks.whole.mobilenet_v2 import InvertedResidual, mobilenet_v2
from guideline_benchmarks.networks.whole.nasnet import nasnet_a
from guideline_benchmarks.networks.whole.pnasnet import pnasnet_5
from guideline_benchmarks.networks.whole.resnet import resnet_50
from guideline_benchmarks.networks.whole.senet import senet_154
from guideline_benchmarks.networks.whole.shufflenet_v1 import (
    FIRST,
    STAGE_2,
    ShuffleNetV1Unit,
    shufflenet_v1,
    shufflenet_v1_50,
)
from guideline_benchmarks.networks.whole.shufflenet_v2 import (
    WIDTHS,
    ShuffleNetV2Unit,
    se_shufflenet_v2_164,
    shufflenet_v2,
    shufflenet_v2_50,
)
from guideline_benchmarks.networks.whole.xception import WIDTHS as XCEPTION
from guideline_benchmarks.networks.whole.xception import XceptionUnit, xception

# Widths and input sizes of the MobileNets in Table 8; both networks can be built with any.
MOBILENET_V1 = (0.25, 0.5, 0.75, 1.0)
MOBILENET_V2 = ((0.15, 224), (0.4, 160), (0.6, 224), (0.75, 192), (1.0, 224), (1.4, 224))
# Widths of others in Table 8.
DENSENET = (0.5, 1.0, 1.5, 2.0)
IGCV2 = (0.25, 0.5, 1.0)
IGCV3_D = (0.7, 1.0, 1.4)
# Groups of CondenseNet there.
CONDENSENET = (8, 4)


@dataclass(frozen=True)
class NamedNetwork:
    """A network by name, how to build it, and the height and width of its RGB input."""

    name: str
    build: Callable[[], nn.Module]
    size: int = 224

    @property
    def input_shape(self) -> tuple[int, int, int, int]:
        """(batch, channels, height, width) of one image."""
        return (1, 3, self.size, self.size)


def _networks() -> Iterator[NamedNetwork]:
    for groups in STAGE_2:
        for width in FIRST:
            name = f"ShuffleNet v1 {width:g}x g={groups}"
            yield NamedNetwork(name, partial(shufflenet_v1, groups, width))
    for width in WIDTHS:
        name = f"ShuffleNet v2 {width:g}x"
        yield NamedNetwork(name, partial(shufflenet_v2, width))
        yield NamedNetwork(f"{name} SE", partial(shufflenet_v2, width, se=True))
        yield NamedNetwork(f"{name} residual", partial(shufflenet_v2, width, residual=True))
        both = partial(shufflenet_v2, width, se=True, residual=True)
        yield NamedNetwork(f"{name} SE residual", both)
    for width in WIDTHS:
        name = f"ShuffleNet v2* {width:g}x"
        yield NamedNetwork(name, partial(shufflenet_v2, width, extra=True))
    for width in MOBILENET_V1:
        yield NamedNetwork(f"MobileNet v1 {width:g}x", partial(mobilenet_v1, width))
    for width, size in MOBILENET_V2:
        yield NamedNetwork(f"MobileNet v2 {width:g}x", partial(mobilenet_v2, width), size)
    yield NamedNetwork("ShuffleNet v1-50", shufflenet_v1_50)
    yield NamedNetwork("ShuffleNet v2-50", shufflenet_v2_50)
    yield NamedNetwork("ResNet-50", resnet_50)
    yield NamedNetwork("SE-ShuffleNet v2-164", se_shufflenet_v2_164)
    yield NamedNetwork("SENet", senet_154)
    yield NamedNetwork("NASNet-A 4 @ 1056", nasnet_a)
    yield NamedNetwork("PNASNet-5", pnasnet_5)
    for family, build, widths in (
        ("DenseNet", densenet, DENSENET),
        ("Xception", xception, XCEPTION),
        ("IGCV2", igcv2, IGCV2),
        ("IGCV3-D", igcv3_d, IGCV3_D),
    ):
        for width in widths:
            yield NamedNetwork(f"{family} {width:g}x", partial(build, width))
    for groups in CONDENSENET:
        yield NamedNetwork(f"CondenseNet G=C={groups}", partial(condensenet, groups))


NETWORKS: dict[str, NamedNetwork] = {network.name: network for network in _networks()}
UNITS: dict[str, type[nn.Module]] = {
    unit.__name__: unit
    for unit in (ShuffleNetV1Unit, ShuffleNetV2Unit, InvertedResidual, XceptionUnit)
}
