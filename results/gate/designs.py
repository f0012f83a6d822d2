"""The two designs of a trial: how the replicates of each are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from guideline_benchmarks.results.gate import pair_ratios, quartet_ratios
from guideline_benchmarks.results.gate.finding import Row
from guideline_benchmarks.results.gate.ratios import Array, Choice, Reading
from guideline_benchmarks.results.gate.trial import Design, Replicate


@dataclass(frozen=True)
class Rules:
    """How replicates of a design are read, and what is in each of them.

    `ratios` are log ratios of B to A, `nulls` those of like to like. With `controls_always`, every
    replicate holds the controls, which correct its cells.
    """

    read: Callable[[Replicate, Choice], Reading]
    ratios: Callable[[Row, Sequence[Reading]], Array]
    nulls: Callable[[Row, Sequence[Reading]], Array]
    controls_always: bool


RULES: Mapping[Design, Rules] = {
    "pairs": Rules(pair_ratios.read, pair_ratios.ratios, pair_ratios.null_ratios, False),
    "quartets": Rules(quartet_ratios.read, quartet_ratios.ratios, quartet_ratios.null_ratios, True),
}
