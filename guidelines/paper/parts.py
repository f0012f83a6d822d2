"""The parts in which the whole paper is measured, in the order in which they are."""

from __future__ import annotations

from guideline_benchmarks.guidelines.experiment import Part

TABLES = Part("tables", minutes=5)
# Apart, since counted platforms cannot have it.
OPERATORS = Part("operators", minutes=1)
NETWORKS = Part("networks", minutes=4)
LARGE = Part("large-networks", minutes=3, runs=30, processes=3)
INPUTS = Part("large-inputs", minutes=6, runs=30, processes=3)
BACKBONES = Part("backbones", minutes=6, runs=30, processes=3)
PARTS = (TABLES, OPERATORS, NETWORKS, LARGE, INPUTS, BACKBONES)
# Tables 1 to 3 once more, in exact widths.
EXACT = Part("exact-widths", minutes=3)
