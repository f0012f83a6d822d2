"""What is measured: experiments, their cells, and how the network of a cell is built."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from results.record.platform import Name, NonNegativeInt, PositiveInt, Record

AxisValue = bool | int | str
Shape = list[NonNegativeInt]


def shape_text(shape: Sequence[int | str]) -> str:
    """Return a shape as it is printed: "1×3×224×224"."""
    return "×".join(str(size) for size in shape)


class NetworkChoice(Record):
    """What a run may choose about the networks.

    The channel set, how Table 4's unit is read, and the batch, None being the paper's: 1, and 8 for
    Table 8 on the GPU.
    """

    channels: Literal["gpu", "arm"] = "arm"
    g4_unit: Literal["bottleneck", "equal-width"] = "bottleneck"
    batch: PositiveInt | None = None


class Experiment(Record):
    """One table or figure: what is claimed, and the row that the others are compared with.

    `slower` says that the guideline predicts the other rows to be slower than the base. `base` is
    None for a decomposition of run time, which compares no rows.
    """

    name: Name
    table: str
    title: str
    claim: str
    axes: list[str]
    base: str | None
    slower: bool = True


class Network(Record):
    """How a network is built: a block, its arguments, and how many of it.

    Blocks are those of networks.blocks, and the units of whole networks.

    `batch`, `channels` and `size` give the input: (batch, channels, size, size).
    """

    block: str
    arguments: dict[str, AxisValue]
    channels: PositiveInt
    size: PositiveInt = 56
    times: PositiveInt = 10
    batch: PositiveInt = 1

    @property
    def input_shape(self) -> tuple[int, ...]:
        """(batch, channels, height, width)."""
        return (self.batch, self.channels, self.size, self.size)


class WholeNetwork(Record):
    """A network of networks.catalogue by name; `size` is the height and width of its RGB input."""

    name: str
    size: PositiveInt = 224
    batch: PositiveInt = 1

    @property
    def input_shape(self) -> tuple[int, ...]:
        """(batch, channels, height, width)."""
        return (self.batch, 3, self.size, self.size)


class UserNetwork(Record):
    """A network that the user named: the path of an .onnx file, or module:callable."""

    model: str
    input: Annotated[list[PositiveInt], Field(min_length=1)]

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The input's shape, batch first."""
        return tuple(self.input)

    @property
    def batch(self) -> int:
        """The size of its first axis."""
        return self.input[0]


class Operators(Record):
    """Operators in one execution, fused or not."""

    convolutions: NonNegativeInt = 0
    adds: NonNegativeInt = 0
    relus: NonNegativeInt = 0


class CellDeclaration(Record):
    """One entry of a table as its experiment declares it: a network and what it must execute.

    `operators` is None where nothing is claimed but the output. A `profiled` network is also
    executed under the runtime's profiler in every round.
    """

    experiment: Name
    row: str
    scale: PositiveInt
    axes: dict[str, AxisValue]
    network: Network | WholeNetwork | UserNetwork
    operators: Operators | None
    profiled: bool = False

    @property
    def name(self) -> str:
        """The cell's name, unique in a run: experiment/row/xscale."""
        return f"{self.experiment}/{self.row}/x{self.scale}"


class Cell(CellDeclaration):
    """A declared cell with what it costs analytically (for the whole batch).

    Memory access cost, its bound and weights in elements. All are 0 for a network that the user
    named, whose cost nobody counts. `model` is the digest of the exported network that was timed.
    """

    multiply_adds: NonNegativeInt
    memory_access_cost: NonNegativeInt
    memory_access_bytes: NonNegativeInt
    memory_access_bound: float
    weights: NonNegativeInt
    model: str
