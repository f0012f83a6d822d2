"""How the programs of this folder end: in a sentence where something cannot be done."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from guideline_benchmarks.results.errors import SuiteError


@contextmanager
def ended_in_a_sentence() -> Iterator[None]:
    """Say an error of the suite in its one sentence, and exit with its code."""
    try:
        yield
    except SuiteError as error:
        typer.echo(f"guidelines: {error}", err=True)
        sys.exit(error.exit_code)
