"""This machine's own Python and runtime, executed by what counts their instructions."""

from __future__ import annotations

from pathlib import Path

from guideline_benchmarks.results.record.platform import Platform
from guideline_benchmarks.runners.claim import Claim
from guideline_benchmarks.runners.emulator import cpu_counter
from guideline_benchmarks.runners.transports.emulator import Emulated


def open_transport(_platform: Platform, archive: Path, _claim: Claim) -> Emulated:
    """Return the counter with the packed worker. Raises PlatformError when it is not set up."""
    return Emulated(cpu_counter.installed(cpu_counter.default_folder()), archive)
