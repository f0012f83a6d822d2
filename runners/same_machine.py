"""Whether two fingerprints are of one machine with the same software, or in what they differ."""

from __future__ import annotations

import textwrap

from results.errors import BadInputError
from results.schema import Fingerprint


def differing_fields(one: Fingerprint, other: Fingerprint) -> list[str]:
    """Name the fields in which two fingerprints differ, with what differs on each side."""
    ours, theirs = one.model_dump(), other.model_dump()
    differing = []
    for field in ours:
        here, there = ours[field], theirs[field]
        if here != there:
            if isinstance(here, list):
                here, there = sorted({*here} - {*there}), sorted({*there} - {*here})
            differing.append(f"{field} ({_short(here)} / {_short(there)})")
    return differing


def _short(value: object) -> str:
    return textwrap.shorten(str(value), 60, placeholder="…") or "none"


def refuse_other_machine(begun_on: Fingerprint, found: Fingerprint) -> None:
    """Raise BadInputError, naming the fields that differ, unless both fingerprints are the same."""
    fields = differing_fields(begun_on, found)
    if fields:
        raise BadInputError(
            "This is not the platform that the run was begun on (then / now): "
            + "; ".join(fields)
            + ". Begin a new run."
        )
