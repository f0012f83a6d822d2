"""Where the boxes and arrows of a block's diagram stand: plain geometry, in inches.

Operators stand in rows, each a row below the last one that it takes from. An arrow past other rows
runs there in a lane of its own, beside the boxes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import fmean
from typing import Protocol

Point = tuple[float, float]
# Heights: a box, the gap between two rows, and how far down the gap arrows run across.
BOX, GAP, ACROSS = 0.27, 0.36, 0.2
# Widths: a letter in a box, a box's margins, a lane, and what is free between neighbours.
LETTER, MARGIN, LANE, FREE = 0.075, 0.24, 0.1, 0.15


class Operator(Protocol):
    """What is drawn of an operator (see networks.paper.diagram.Operator)."""

    @property
    def label(self) -> str:
        """The text in its box."""

    @property
    def inputs(self) -> tuple[tuple[int, int], ...]:
        """Places of the earlier operators that it takes from, with the part of their output."""

    @property
    def then(self) -> str:
        """The text beside the arrow that leaves it."""


@dataclass(frozen=True)
class Layout:
    """A block's diagram, from y = 0 at the top down to `bottom`, and from x = `left` to `right`.

    `boxes` are the middles of boxes, all `width` wide and BOX high, by the operator's place; the
    first operator is the input, and has none. `arrows` are lines with their heads at the last
    point. `texts` stand to the right of their points.
    """

    width: float
    boxes: Mapping[int, Point]
    arrows: Sequence[tuple[Point, ...]]
    texts: Mapping[Point, str]
    left: float
    right: float
    bottom: float


@dataclass(frozen=True)
class _Slot:
    """What takes room in a row: an operator, or the lane of an arrow from it to a `target`."""

    operator: int
    part: int = 0
    target: int | None = None


def block_layout(operators: Sequence[Operator]) -> Layout:
    """Return where operators are drawn, each listed after those it takes from.

    Made for blocks like the paper's: a trunk with arrows past it, or a fork that is joined again.
    """
    width = MARGIN + LETTER * max(len(one.label) for one in operators)
    block = _Block(operators, _levels(operators))
    x = _columns(block, width)
    places = range(1, len(operators))
    last, end = x[_Slot(places[-1])], _below(block.levels[-1])
    return Layout(
        width=width,
        boxes={place: (x[_Slot(place)], _middle(block.levels[place])) for place in places},
        arrows=[*_arrows(block, x, width), ((last, end), (last, end - GAP))],
        texts={
            (x[_Slot(place)], _below(block.levels[place]) - GAP / 3): operators[place].then
            for place in places
            if operators[place].then
        },
        left=min(x[slot] - _wide(slot, width) / 2 for slot in x),
        right=max(x[slot] + _wide(slot, width) / 2 for slot in x),
        bottom=end - GAP,
    )


def _levels(operators: Sequence[Operator]) -> list[int]:
    """Return the row of each operator: that after the last of those it takes from."""
    levels: list[int] = []
    for one in operators:
        levels.append(max((levels[source] + 1 for source, _ in one.inputs), default=0))
    return levels


def _below(level: int) -> float:
    """Return the lower end of a row's boxes; the input's row has no height."""
    return -level * (GAP + BOX)


def _middle(level: int) -> float:
    return _below(level) + BOX / 2


def _wide(slot: _Slot, width: float) -> float:
    return width if slot.target is None else LANE


@dataclass(frozen=True)
class _Block:
    """Operators with their rows."""

    operators: Sequence[Operator]
    levels: Sequence[int]

    def edges(self) -> Iterator[tuple[int, int, int]]:
        """Yield source, part of its output, and target of each arrow."""
        for target, one in enumerate(self.operators):
            for source, part in one.inputs:
                yield source, part, target

    def above(self, slot: _Slot, level: int) -> list[_Slot]:
        """Return what a slot of row `level` continues in the row above."""
        if slot.target is None:
            target, inputs = slot.operator, self.operators[slot.operator].inputs
        else:
            target, inputs = slot.target, ((slot.operator, slot.part),)
        return [
            _Slot(source) if self.levels[source] == level - 1 else _Slot(source, part, target)
            for source, part in inputs
        ]

    def rows(self) -> list[list[_Slot]]:
        """Return what takes room in each row, from the left."""
        rows = [[_Slot(0)]]
        for level in range(1, max(self.levels) + 1):
            slots = [_Slot(place) for place, found in enumerate(self.levels) if found == level]
            slots += [
                _Slot(source, part, target)
                for source, part, target in self.edges()
                if self.levels[source] < level < self.levels[target]
            ]
            rows.append(sorted(slots, key=partial(self._order, level=level, above=rows[-1])))
        return rows

    def _order(self, slot: _Slot, level: int, above: Sequence[_Slot]) -> tuple[float, int, int]:
        """Return what a row is sorted by: where slots come from, and then where they go."""
        place = fmean(above.index(one) for one in self.above(slot, level))
        if slot.target is None:
            return place, self.operators[slot.operator].inputs[0][1], slot.operator
        return place, slot.part, slot.target


def _columns(block: _Block, width: float) -> dict[_Slot, float]:
    """Return where the middle of each slot is: first those of the widest row, side by side."""
    rows = block.rows()
    widths = [sum(_wide(slot, width) + FREE for slot in row) for row in rows]
    widest = widths.index(max(widths))
    x: dict[_Slot, float] = {}
    end = -widths[widest] / 2
    for slot in rows[widest]:
        room = _wide(slot, width) + FREE
        x[slot] = end + room / 2
        end += room
    for level in range(widest + 1, len(rows)):
        for slot in rows[level]:
            x.setdefault(slot, _trunk(block.above(slot, level), x))
    for level in range(widest, 0, -1):
        for slot in rows[level - 1]:
            below = [one for one in rows[level] if slot in block.above(one, level)]
            x.setdefault(slot, _trunk(below, x))
    return x


def _trunk(slots: Sequence[_Slot], x: Mapping[_Slot, float]) -> float:
    """Return the middle of those that are boxes, or of all if none is."""
    boxes = [slot for slot in slots if slot.target is None]
    return fmean(x[slot] for slot in boxes or slots)


def _arrows(block: _Block, x: Mapping[_Slot, float], width: float) -> Iterator[tuple[Point, ...]]:
    """Yield an arrow for each input of each operator."""
    levels = block.levels
    # What the next row takes: arrows into lanes that carry the same leave on the way there.
    near = {(s, part) for s, part, target in block.edges() if levels[target] == levels[s] + 1}
    for source, part, target in block.edges():
        start, end = x[_Slot(source)], x[_Slot(target)]
        below, above = _below(levels[source]), _below(levels[target]) + BOX
        across = below - ACROSS
        if levels[target] == levels[source] + 1:
            yield _line((start, below), (start, across), (end, across), (end, above))
            continue
        lane = x[_Slot(source, part, target)]
        if (source, part) in near:
            leaves = [(start, across), (lane, across)]
        else:
            leaves = _beside(start, lane, width, _middle(levels[source]), below)
        enters = _beside(end, lane, width, _middle(levels[target]), above)
        yield _line(*leaves, *reversed(enters))


def _beside(x: float, lane: float, width: float, middle: float, end: float) -> list[Point]:
    """Return the points from a box at x into a lane: from its side, or its end if that is there."""
    if abs(lane - x) < width / 2:
        return [(lane, end)]
    side = x + width / 2 if lane > x else x - width / 2
    return [(side, middle), (lane, middle)]


def _line(*points: Point) -> tuple[Point, ...]:
    """Return a line without the points at which it does not turn."""
    turns = [
        point
        for before, point, after in zip(points, points[1:], points[2:], strict=False)
        if not any(before[axis] == point[axis] == after[axis] for axis in (0, 1))
    ]
    return (points[0], *turns, points[-1])
