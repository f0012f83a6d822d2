"""What is measured: experiments, their cells, and how the network of a cell is built.

All of it is declared by an experiment's module and travels in the record, so that whoever reads a
record needs no other source. Plain dataclasses, which pydantic checks where a record is read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from guideline_benchmarks.results.record.bounds import (
    STRICT,
    Name,
    NonNegative,
    NonNegativeInt,
    Percent,
    PositiveInt,
)
from guideline_benchmarks.results.record.network_cost import NetworkCost
from guideline_benchmarks.results.record.published import Published, Quoted
from guideline_benchmarks.results.record.quantisation import Quantisation

AxisValue = bool | int | str
Shape = list[NonNegativeInt]
# The widths that the paper measured on either of its platforms, and exact ones (docs/protocol.md,
# decision 8).
ChannelSet = Literal["gpu", "arm", "exact"]
# The axes of an experiment that sweeps widths: the kind of its layers, and how many channels.
WIDTH_AXES = ("kind", "c")
_NAME = re.compile(r"\{(\w+)\}")


def shape_text(shape: Sequence[int | str]) -> str:
    """Return a shape as it is printed: "1×3×224×224"."""
    return "×".join(str(size) for size in shape)


@dataclass(frozen=True)
class NetworkChoice:
    """What a run may choose about the networks.

    The channel set, how Table 4's unit is read, and the batch, None being the paper's: 1, and more
    in some tables of whole networks on the GPU.
    """

    channels: ChannelSet = "arm"
    g4_unit: Literal["bottleneck", "equal-width"] = "bottleneck"
    batch: int | None = None


@dataclass(frozen=True)
class RowLabel:
    """A column that names a table's rows: its title, and its text, a template (see Experiment)."""

    __pydantic_config__: ClassVar[Any] = STRICT

    title: str
    text: str


@dataclass(frozen=True)
class Experiment:
    """One table or figure: what is claimed, how its rows and columns are called, and its base row.

    `base` is the row that the others are compared with. None for a decomposition of run time, and
    for a sweep of widths (its axes are WIDTH_AXES), which compare no rows with one. `slower` says
    that the guideline predicts the other rows to be slower than it. `label` is the experiment's
    short name for readers, the table's if empty.

    Templates hold "{row}", "{short}", "{scale}" and the cell's axes in braces: `row_labels` name a
    row, `column_label` a column, `tick` a row on a plot's axis. Rows that differ in the axis
    `panels` are plotted in panels of their own, titled "`panel_title` value"; rows with the value
    `in_every_panel` are in all of them.

    `rivals` says that its rows are networks of equal multiply-adds that compete: none of them is
    the extreme one, and reports say which of them win. `across_platforms` says that `guidelines
    compare` lays it side by side. `reading` says how what the paper leaves open was read, by name:
    two readings are not compared. `notes` are sentences for its readers.
    """

    __pydantic_config__: ClassVar[Any] = STRICT

    name: Name
    table: str
    title: str
    claim: str
    axes: tuple[str, ...]
    base: str | None
    slower: bool = True
    label: str = ""
    row_labels: tuple[RowLabel, ...] = (RowLabel("row", "{row}"),)
    column_label: str = "×{scale}"
    tick: str = "{row}"
    panels: str | None = None
    panel_title: str = ""
    in_every_panel: str = ""
    rivals: bool = False
    across_platforms: bool = True
    reading: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def short_name(self) -> str:
        """Its label, or the name of its table."""
        return self.label or self.table

    @property
    def sweeps_widths(self) -> bool:
        """Whether its cells are widths, each compared with those beside it."""
        return self.base is None and self.axes == WIDTH_AXES


@dataclass(frozen=True)
class Tensor:
    """An input or output of a network by name; `kind` is what numpy calls its type."""

    __pydantic_config__: ClassVar[Any] = STRICT

    name: str
    shape: tuple[NonNegativeInt, ...]
    kind: str = "float32"

    @property
    def text(self) -> str:
        """It as it is printed: "image 1×3×224×224", and its type unless that is float32."""
        shape = shape_text(self.shape) or "a number"
        return f"{self.name} {shape}{'' if self.kind == 'float32' else ' ' + self.kind}"


# What networks of this suite call theirs, which the worker knows the shapes of.
X, Y = "x", (Tensor("y", ()),)


class OneTensor:
    """A network of this suite's: it takes one tensor and returns one."""

    @property
    def input_shape(self) -> tuple[int, ...]:
        """(batch, channels, height, width)."""
        raise NotImplementedError

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """Its only input."""
        return (Tensor(X, self.input_shape),)

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        """Its only output, whose shape the file of what is expected tells."""
        return Y


@dataclass(frozen=True)
class Network(OneTensor):
    """How a network is built: a block, its arguments, and how many of it.

    Blocks are those of networks.blocks, and the units of whole networks.

    `batch`, `channels` and `size` give the input: (batch, channels, size, size).
    """

    __pydantic_config__: ClassVar[Any] = STRICT

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


@dataclass(frozen=True)
class WholeNetwork(OneTensor):
    """A network of networks.catalogue by name.

    `size` is the height of its RGB input, and its width, too, unless there is another `width`.
    """

    __pydantic_config__: ClassVar[Any] = STRICT

    name: str
    size: PositiveInt = 224
    batch: PositiveInt = 1
    width: PositiveInt | None = None

    @property
    def input_shape(self) -> tuple[int, ...]:
        """(batch, channels, height, width)."""
        return (self.batch, 3, self.size, self.width or self.size)


@dataclass(frozen=True)
class Given:
    """What was said of a user's network on the command line, as it was typed.

    `inputs` are those of --input, `ranges` those of --range, `values` is the path of --values and
    `python` that of --python, both empty where not given.
    """

    __pydantic_config__: ClassVar[Any] = STRICT

    inputs: tuple[str, ...] = ()
    ranges: tuple[str, ...] = ()
    values: str = ""
    python: str = ""


@dataclass(frozen=True)
class UserNetwork:
    """A network that the user named: the path of an .onnx file, or module:callable.

    All but the first two is known once it was exported. `input` is the shape of the first of its
    `inputs`. `precision` is the lowest in its graph, and `tolerance` how far outputs may lie from
    the reference for it, as a fraction of the largest value. `exported_by` are the versions of
    what exported it where that was not the suite's own Python. `notes` are sentences for readers.
    """

    __pydantic_config__: ClassVar[Any] = STRICT

    model: str
    given: Given = Given()
    input: tuple[NonNegativeInt, ...] = ()
    inputs: tuple[Tensor, ...] = ()
    outputs: tuple[Tensor, ...] = ()
    precision: Literal["fp32", "fp16", "bf16", "int8"] = "fp32"
    tolerance: float = 0.0
    exported_by: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The first input's shape, batch first."""
        return self.input

    @property
    def batch(self) -> int:
        """The size of its first axis, 1 of a number."""
        return self.input[0] if self.input else 1


@dataclass(frozen=True)
class DerivedNetwork:
    """A graph that the suite itself made of a network: a part of it, or a changed copy of all.

    `of` names the network, `graph` is the SHA-256 of the ONNX file.
    """

    __pydantic_config__: ClassVar[Any] = STRICT

    of: str
    graph: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The first input's shape, batch first."""
        return self.inputs[0].shape if self.inputs else ()

    @property
    def batch(self) -> int:
        """The size of its first axis, 1 of a number."""
        return self.input_shape[0] if self.input_shape else 1


@dataclass(frozen=True)
class Operators:
    """Operators in one execution, fused or not."""

    __pydantic_config__: ClassVar[Any] = STRICT

    convolutions: NonNegativeInt = 0
    adds: NonNegativeInt = 0
    relus: NonNegativeInt = 0


@dataclass(frozen=True)
class Cell:
    """One entry of a table: a network, what it must execute, and what it costs.

    `operators` is None where nothing is claimed but the output. A `profiled` network is also
    executed under the runtime's profiler in every round. `short` names the row where there is
    little room (the row itself if empty), `note` is a sentence for its readers. `published` is the
    speed that the paper prints of it, `quoted` what it prints besides, `published_shares` are its
    pies of Fig. 2: percent by channel set and category.

    The rest is known once the network was exported. Costs are analytic, for the whole batch: memory
    access cost, its bound and weights in elements. `counted` is the same layer by layer, of
    networks that are taken apart. `model` is the digest of the exported network, `quantised` how
    that was made int8 of, where it was asked for.
    """

    __pydantic_config__: ClassVar[Any] = STRICT

    experiment: Name
    row: str
    scale: PositiveInt
    axes: dict[str, AxisValue]
    network: Network | WholeNetwork | UserNetwork | DerivedNetwork
    operators: Operators | None = None
    profiled: bool = False
    short: str = ""
    note: str = ""
    published: Published | None = None
    quoted: Quoted | None = None
    published_shares: dict[str, dict[str, Percent]] = field(default_factory=dict)
    multiply_adds: NonNegativeInt = 0
    memory_access_cost: NonNegativeInt = 0
    memory_access_bytes: NonNegativeInt = 0
    memory_access_bound: NonNegative = 0.0
    weights: NonNegativeInt = 0
    counted: NetworkCost | None = None
    model: str = ""
    quantised: Quantisation | None = None

    @property
    def name(self) -> str:
        """The cell's name, unique in a run."""
        return cell_name(self.experiment, self.row, self.scale)

    def text(self, template: str) -> str:
        """Return a template of its experiment, filled in: "c = 64" of "c = {c}".

        Raises KeyError for a name that is none of its axes, "row", "short" or "scale".
        """
        own: dict[str, AxisValue] = {"row": self.row, "scale": self.scale}
        values = {**self.axes, **own, "short": self.short or self.row}
        return _NAME.sub(lambda name: _said(values[name[1]]), template)


def cell_name(experiment: str, row: str, scale: int) -> str:
    """Return the name by which a cell is known in a run: experiment/row/xscale."""
    return f"{experiment}/{row}/x{scale}"


def _said(value: AxisValue) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
