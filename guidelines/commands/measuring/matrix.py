"""The command `guidelines matrix`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="What to measure on what (.toml): experiments, platforms, threads, precisions.",
        ),
    ],
    out: Annotated[
        Path, typer.Option(help="Where the records go, a folder each, and the page.")
    ] = Path("results/runs/matrix"),
) -> None:
    """Measure all combinations of platforms, threads and precisions in a file; compare them.

    What is measured already is not measured again: the same command continues after Ctrl-C.
    """
    # Imported only now, so that --help is quick.
    from guideline_benchmarks.guidelines.session.matrix import measure_and_compare
    from guideline_benchmarks.guidelines.session.matrix_file import read_matrix

    measure_and_compare(read_matrix(file), out)
