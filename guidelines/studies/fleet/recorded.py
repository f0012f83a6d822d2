"""What boards replay: the answers of a worker, taken out of a run's record."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from guideline_benchmarks.results.record.cells import Operators
from guideline_benchmarks.results.record.samples import samples_by_cell
from guideline_benchmarks.results.record.schema import Run

# What a fingerprint has that no machine says of itself.
NOT_OF_A_MACHINE = {"gpu", "runtimes", "worker", "machine"}


def write_answers(run: Run, file: Path, hostname: str) -> None:
    """Write into a file what a worker of a board of that name answers (see `replay`)."""
    machine = run.fingerprint.model_dump(mode="json", exclude=NOT_OF_A_MACHINE)
    ready = {
        "event": "ready",
        "core": 0,
        "load": 0.0,
        "machine": machine | {"hostname": hostname},
        "runtimes": run.fingerprint.runtimes,
    }
    file.write_text(json.dumps({"ready": ready, "networks": _networks(run)}))


def _networks(run: Run) -> list[dict[str, Any]]:
    """Return what is answered of each network: what is found when it is loaded, and times in ns."""
    samples, first = samples_by_cell(run), run.processes[0]
    found = []
    for cell in run.networks:
        proof = first.proofs[cell.name]
        operators = cell.operators or proof.operators or Operators()
        loaded = {
            "warmup_ns": first.warmup_ns[cell.name],
            "output_error": proof.output_error,
            "executed": {"operators": asdict(operators)},
        }
        times = [ns for of_process in samples[cell.name] for ns in of_process]
        found.append({"loaded": loaded, "ns": [round(ns) for ns in times]})
    return found
