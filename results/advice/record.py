"""What `guidelines advise` keeps beside its runs: its findings, and which networks tell their cost.

The samples are in the runs of the same folder (see results.advice.folder); times are made of them
anew whenever they are shown.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from guideline_benchmarks.results.record.bounds import NonNegative, NonNegativeInt, PositiveInt
from guideline_benchmarks.results.record.cells import Shape
from guideline_benchmarks.results.record.platform import Record

# G1 to G4 are the paper's; G0 is this suite's own: widths that do not suit the runtime's blocks.
Guideline = Literal["G0", "G1", "G2", "G3", "G4"]
# Kinds of convolutions, whose blocks of channels differ.
Kind = Literal["1×1", "3×3", "depthwise"]
VERSION: Literal[1] = 1


class Timed(Record):
    """Some layers, timed as the difference between two networks of the run `parts`.

    `inside` is the cell of the network that has them between what makes their inputs and what
    takes their outputs, `around` that of the same network without them. Both are "" of nothing,
    which takes no time.
    """

    inside: str = ""
    around: str = ""


class Alternative(Record):
    """What could stand in the place of a finding's layers, once.

    `text` says what it is, `multiply_adds` and `weights` are its own. `in_place` says that it can
    be put into the whole network with nothing else changed.
    """

    text: str
    timed: Timed
    multiply_adds: NonNegativeInt
    weights: NonNegativeInt
    in_place: bool = False


class Found(Record):
    """A place where the network departs from a guideline, and all equal places.

    `title` names the layers, `why` says what is wrong with them, in figures. `places` holds the
    names of the nodes of each of the equal places. Shapes and costs (multiply-adds, memory access
    cost and its bound by Eq. 1 in elements, None where there is none, weights) are those of one
    place. The first of the `alternatives` obeys the guideline: what it gains is what the finding
    costs. `unmeasured` says why nothing was timed, "" where it was.
    """

    guideline: Guideline
    title: str
    why: str
    places: Annotated[list[list[str]], Field(min_length=1)]
    inputs: list[Shape]
    outputs: list[Shape]
    multiply_adds: NonNegativeInt
    memory_access_cost: NonNegativeInt
    memory_access_bound: NonNegative | None
    weights: NonNegativeInt
    timed: Timed = Timed()
    alternatives: list[Alternative] = Field(default=[])
    unmeasured: str = ""

    @property
    def count(self) -> int:
        """How often the same layers occur."""
        return len(self.places)

    @property
    def nodes(self) -> list[str]:
        """The names of the nodes of all places."""
        return [name for place in self.places for name in place]


class Applied(Record):
    """The whole network with some alternatives put in, all in place.

    `chosen` are pairs: the number of a finding among the advice's, and that of its alternative.
    `original` and `changed` are cells of the run `whole`. `graph` is the SHA-256 of the changed
    network's ONNX file.
    """

    chosen: Annotated[list[tuple[NonNegativeInt, NonNegativeInt]], Field(min_length=1)]
    original: str
    changed: str
    multiply_adds: NonNegativeInt
    weights: NonNegativeInt
    graph: str


class Advice(Record):
    """What is known of a network before and beside its times.

    `model` is as it was named, `multiply_adds` and `weights` are the whole network's. `fused` holds
    by operator how many nodes the runtime executes inside others, which cost nothing; None where
    the runtime does not tell. `blocks` are the widths to round to, by kind of convolution, None of
    a kind where none was found. `unseen` are sentences: what was not looked at, and why. `network`
    is the whole network's cell, in the runs `network` and `parts`; `executed` are the names of the
    nodes that its operators are of, in the order in which its proof has them, "" of what the
    runtime added. `applied` is None where nothing could be applied with a gain, or before that is
    known. It is `finished` when nothing is left to be measured.
    """

    schema_version: Literal[1] = VERSION
    model: str
    multiply_adds: NonNegativeInt
    weights: NonNegativeInt
    findings: list[Found]
    fused: dict[str, PositiveInt] | None = None
    blocks: dict[Kind, PositiveInt | None] = Field(default={})
    unseen: list[str] = Field(default=[])
    network: str = ""
    executed: list[str] = Field(default=[])
    applied: Applied | None = None
    finished: bool = False
