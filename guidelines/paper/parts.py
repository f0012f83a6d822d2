"""The parts in which the whole paper is measured, in the order in which they are."""

from __future__ import annotations

from guideline_benchmarks.guidelines.experiment import Part

TABLES = Part("tables", minutes=3.3)
# Apart, since counted platforms cannot have it.
OPERATORS = Part("operators", minutes=0.4)
NETWORKS = Part("networks", minutes=1.6)
LARGE = Part("large-networks", minutes=1.1, runs=30, processes=3)
INPUTS = Part("large-inputs", minutes=3.7, runs=30, processes=3)
BACKBONES = Part("backbones", minutes=3.7, runs=30, processes=3)
PARTS = (TABLES, OPERATORS, NETWORKS, LARGE, INPUTS, BACKBONES)
# Tables 1 to 3 once more, in exact widths.
EXACT = Part("exact-widths", minutes=1.6)
