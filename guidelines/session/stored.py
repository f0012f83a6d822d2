"""Stored runs as commands read them: those of earlier versions with what they lack."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from guideline_benchmarks.guidelines.catalogue import EXPERIMENTS
from guideline_benchmarks.results.record.cells import Cell, Experiment
from guideline_benchmarks.results.record.schema import Run
from guideline_benchmarks.results.store import run_folders

# The version of the record from which on experiments tell what their tables look like.
FIRST_WITH_DECLARATIONS = 6


def read_run(path: Path) -> Run:
    """Read a stored run (see results.store.run_folders.read_run for the errors)."""
    return run_folders.read_run(path, declared)


def declared(run: Run) -> Run:
    """Return a run with what its experiments declare now, which its record is too old to have.

    Experiments and cells that are not in the catalogue stay as they are.
    """
    choice = run.protocol.choice
    known_here = [EXPERIMENTS[e.name] for e in run.experiments if e.name in EXPERIMENTS]
    declarations = [one for one in known_here if one.has(choice.channels)]
    known = {declaration.name: declaration.declared(choice) for declaration in declarations}
    cells = {cell.name: cell for declaration in declarations for cell in declaration.cells(choice)}
    bare = run.schema_version < FIRST_WITH_DECLARATIONS

    def experiment(own: Experiment) -> Experiment:
        now = known.get(own.name, own)
        if (now.axes, now.base) != (own.axes, own.base):
            return own
        return now if bare else replace(own, rivals=now.rivals)

    def cell(own: Cell) -> Cell:
        now = cells.get(own.name, own)
        quoting = replace(own, quoted=now.quoted)
        return _with_declarations(quoting, now) if bare else quoting

    return run.model_copy(
        update={
            "experiments": [experiment(own) for own in run.experiments],
            "cells": [cell(own) for own in run.cells],
        }
    )


def _with_declarations(own: Cell, now: Cell) -> Cell:
    return replace(
        own,
        short=now.short,
        note=now.note,
        published=now.published,
        published_shares=now.published_shares,
    )
