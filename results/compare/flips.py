"""Where two entrants of a comparison contradict each other beyond their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from guideline_benchmarks.results.compare.agreement import shown_by_both
from guideline_benchmarks.results.compare.comparison import Comparison
from guideline_benchmarks.results.compare.entrants import CellKey, Entrant
from guideline_benchmarks.results.record.cells import Experiment
from guideline_benchmarks.results.statistics.verdict import Interval, Verdict, judge

# From what the guideline predicts to its opposite: how far two lie apart says how telling it is.
DECIDED = [
    Verdict.HOLDS.value,
    Verdict.HOLDS_AT_THE_EXTREME.value,
    Verdict.NO_EFFECT.value,
    Verdict.REVERSED.value,
]


@dataclass(frozen=True)
class Turn:
    """Two rows in opposite order: `first` is the faster one on one entrant, `second` on the other.

    `factor` is by how much at least, on both: the lower end of the faster row's interval over the
    upper end of the slower one's.
    """

    first: CellKey
    second: CellKey
    factor: float


@dataclass(frozen=True)
class Flip:
    """One column on which two entrants differ beyond their intervals.

    `verdicts` are those of both, None unless they flip; `turns` are rows in the other order, the
    clearest first.
    """

    one: Entrant
    other: Entrant
    experiment: Experiment
    scale: int
    verdicts: tuple[str, str] | None
    turns: Sequence[Turn]

    @property
    def telling(self) -> tuple[int, float]:
        """How telling it is: how far its verdicts lie apart, then how clear its rows' order is."""
        steps = [DECIDED.index(verdict) for verdict in self.verdicts or ()]
        factor = self.turns[0].factor if self.turns else 1.0
        return max(steps, default=0) - min(steps, default=0), factor


def flips(comparison: Comparison) -> list[Flip]:
    """Return where any two entrants differ beyond their intervals, the most telling first.

    Entrants without intervals have no part in it.
    """
    known = [entrant for entrant in comparison.entrants if entrant.has_intervals]
    found = [
        flip
        for one, other in combinations(known, 2)
        for flip in flips_of(one, other, comparison.experiments)
    ]
    return sorted(found, key=lambda flip: flip.telling, reverse=True)


def flips_of(one: Entrant, other: Entrant, experiments: Sequence[Experiment]) -> list[Flip]:
    """Return the columns on which two entrants differ beyond their intervals, in tables' order."""
    turns = _turns(one, other)
    found = []
    for experiment in experiments:
        name = experiment.name
        for scale in sorted({key[2] for key in one.standings if key[0] == name}):
            verdicts = _verdicts(one, other, experiment, scale)
            turned = [turn for turn in turns if (turn.first[0], turn.first[2]) == (name, scale)]
            if verdicts or turned:
                found.append(Flip(one, other, experiment, scale, verdicts, turned))
    return found


def _turns(one: Entrant, other: Entrant) -> list[Turn]:
    """Return all rows in opposite order, the clearest first."""

    def factor(entrant: Entrant, faster: CellKey, slower: CellKey) -> float:
        ahead, behind = entrant.standings[faster].interval, entrant.standings[slower].interval
        assert ahead is not None
        assert behind is not None
        return ahead[0] / behind[1]

    found = []
    for pair, (ours, theirs) in shown_by_both(one, other).items():
        if ours != theirs:
            first, second = pair if ours else reversed(pair)
            least = min(factor(one, first, second), factor(other, second, first))
            found.append(Turn(first, second, least))
    return sorted(found, key=lambda turn: -turn.factor)


def _verdicts(
    one: Entrant, other: Entrant, experiment: Experiment, scale: int
) -> tuple[str, str] | None:
    """Return a column's two verdicts if they flip: both decided, and different for sure.

    Where a row's intervals overlap, its truth may be the same on both; so both are judged by what
    is common to them, and verdicts that only such rows set apart flip nothing.
    """
    column = (experiment.name, scale)
    said = one.verdicts.get(column), other.verdicts.get(column)
    if said[0] == said[1] or not {*said} <= {*DECIDED}:
        return None
    keys = [
        key for key in one.standings if (key[0], key[2]) == column and key[1] != experiment.base
    ]
    rows = [_for_sure(one, other, key) for key in keys]
    ours, theirs = (judge([row[side] for row in rows], experiment.slower) for side in (0, 1))
    return None if ours == theirs else (str(said[0]), str(said[1]))


def _for_sure(
    one: Entrant, other: Entrant, key: CellKey
) -> tuple[Interval | None, Interval | None]:
    """Return a cell's intervals on both, what is common to them in place of those that overlap."""
    ours = one.standings[key].interval
    theirs = other.standings[key].interval if key in other.standings else None
    if ours is None or theirs is None:
        return None, None
    common = max(ours[0], theirs[0]), min(ours[1], theirs[1])
    return (common, common) if common[0] <= common[1] else (ours, theirs)
