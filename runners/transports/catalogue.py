"""All transports, by the names that platform files call them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from guideline_benchmarks.results.errors import BadInputError, suggestion
from guideline_benchmarks.results.record.platform import Platform
from guideline_benchmarks.runners.claim import Claim
from guideline_benchmarks.runners.transports import counter, emulator, local, ssh
from guideline_benchmarks.runners.transports.transport import Transport

# Each is opened with a platform, the packed worker, and who wants to measure.
TRANSPORTS: Mapping[str, Callable[[Platform, Path, Claim], Transport]] = {
    "local": local.open_transport,
    "ssh": ssh.open_transport,
    "emulator": emulator.open_transport,
    "counter": counter.open_transport,
}


def refuse_unknown(name: str) -> None:
    """Raise BadInputError unless there is a transport of that name."""
    if name not in TRANSPORTS:
        raise BadInputError(f"There is no transport {name!r}. {suggestion(name, TRANSPORTS)}")


def transport_of(platform: Platform, archive: Path, claim: Claim) -> Transport:
    """Return what takes the packed worker to where a platform is measured, under a claim.

    Raises BadInputError for an unknown transport, PlatformError for one that is not set up.
    """
    refuse_unknown(platform.transport)
    return TRANSPORTS[platform.transport](platform, archive, claim)
