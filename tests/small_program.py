"""The program with smaller networks in its experiments, for what emulating takes long."""

from __future__ import annotations

from dataclasses import replace

from guideline_benchmarks.guidelines.catalogue import EXPERIMENTS
from guideline_benchmarks.guidelines.experiment import Declaration
from guideline_benchmarks.results.record.cells import Cell, NetworkChoice

SIZE, LARGEST = 14, 4


def smaller(declaration: Declaration) -> Declaration:
    """The same experiment on a sixteenth of the pixels, without the largest scale."""

    def cells(choice: NetworkChoice) -> list[Cell]:
        return [
            replace(cell, network=replace(cell.network, size=SIZE))
            for cell in declaration.cells(choice)
            if cell.scale < LARGEST
        ]

    return Declaration(declaration.experiment, cells)


if __name__ == "__main__":
    from guideline_benchmarks.guidelines.__main__ import main

    EXPERIMENTS["g4"] = smaller(EXPERIMENTS["g4"])
    main()
