"""The record of one run: what `run.json` holds (docs/record.md; JSON Schema: run.schema.json)."""

from __future__ import annotations

import json
from functools import cached_property
from typing import Literal

from pydantic import Field

from guideline_benchmarks.results.cost_model.cost_model import CostModel
from guideline_benchmarks.results.record.cells import Cell, Experiment
from guideline_benchmarks.results.record.parts import Count, Process, Round, Session
from guideline_benchmarks.results.record.platform import Fingerprint, Platform, Record
from guideline_benchmarks.results.record.protocol import Protocol

# Version 2 added whole networks and profiles, version 3 counts and other machines than this one,
# version 4 more figures of modelled caches, and cost models, version 5 GPUs, ceilings, batches and
# the stopping rule, version 6 all that readers need to know of an experiment and its cells, what
# the paper prints of them included, version 7 names of machines, and what networks that are taken
# apart take, return and cost, version 8 how busy several threads were, version 9 how networks were
# quantised, and what does not run as asked for, version 10 exact widths, inputs that are no
# squares, and what the paper prints of whole networks beside speed, version 11 sweeps of widths,
# and graphs that the suite made of a network. A record of an earlier version is one of a later
# version without.
SCHEMA_VERSION: Literal[11] = 11


class Run(Record):
    """One recorded measurement of some experiments on one platform.

    Either processes and their rounds were timed, or networks were counted one by one. With a
    `model`, times are modelled from the counts. Its parts fit together where
    results.record.consistency finds no fault.
    """

    schema_version: Literal[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11] = SCHEMA_VERSION
    platform: Platform
    fingerprint: Fingerprint
    protocol: Protocol
    experiments: list[Experiment]
    cells: list[Cell]
    controls: list[Cell]
    sessions: list[Session]
    processes: list[Process]
    rounds: list[Round]
    counts: list[Count] = Field(default=[])
    model: CostModel | None = None

    @property
    def label(self) -> str:
        """Its platform's, with what is not usual: "cuda, bf16", "cpu, exact widths"."""
        precision, usual = self.protocol.precision, Protocol.model_fields["precision"].default
        said = [self.platform.label, *([] if precision == usual else [precision])]
        return ", ".join([*said, *(["exact widths"] if self.protocol.channels == "exact" else [])])

    @cached_property
    def networks(self) -> list[Cell]:
        """Cells, then controls: what a round's order indexes."""
        return [*self.cells, *self.controls]

    @property
    def failures(self) -> dict[str, str]:
        """Networks that failed their proof in any process, by name, with the reason."""
        proofs = [pair for process in self.processes for pair in process.proofs.items()]
        proofs += [(count.cell, count.proof) for count in self.counts]
        return {name: proof.failure for name, proof in proofs if proof.failure is not None}


def json_schema() -> str:
    """Return the JSON Schema of `run.json`.

    `python -m guideline_benchmarks.results.record.schema` prints it.
    """
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Run.model_json_schema(),
    }
    return json.dumps(schema, indent=2) + "\n"


if __name__ == "__main__":
    print(json_schema(), end="")
