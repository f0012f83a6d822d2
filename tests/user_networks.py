"""Exporting networks of the user's, as tests need it."""

from __future__ import annotations

import tempfile
from pathlib import Path

from guideline_benchmarks.guidelines.export import user_networks
from guideline_benchmarks.guidelines.session.asked_networks import asked_network
from guideline_benchmarks.results.record.cells import Given

MODULES = Path(__file__).parent / "data" / "user_networks"


def exported(model, *inputs, backend="onnxruntime-cpu", patience=120, **given):
    """Export a network of the current folder's; return what was found of it."""
    network = asked_network(model, Given(inputs=inputs, **given))
    place = Path(tempfile.mkdtemp(dir="."))
    try:
        with user_networks.exported(network, backend, 0, place, patience) as (found, *_):
            return found
    finally:
        # Nothing is left behind, whatever happened.
        place.rmdir()
