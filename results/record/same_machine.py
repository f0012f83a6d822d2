"""Whether two runs are of one platform, machine and software, or in what they differ.

Hardware says so, and the name that a user gave the machine. A hostname says nothing: a container
gets a new one whenever it starts. Where one side alone has a name, that contradicts nothing.
"""

from __future__ import annotations

import textwrap

from guideline_benchmarks.results.errors import BadInputError
from guideline_benchmarks.results.record.platform import REACHING, Fingerprint, Platform

# What says which machine it is; all else in a fingerprint is software, or a setting.
MACHINE = (
    "machine",
    "architecture",
    "cpu_model",
    "clusters",
    "cores",
    "caches",
    "memory",
    "virtualisation",
    "gpu",
)
# What a system shows of its memory changes a little with its kernel.
SAME_MEMORY = 0.02
# As the worker calls it (runners.worker.machine.host).
VIRTUAL = "virtual machine"


def differing_fields(one: Fingerprint, other: Fingerprint) -> list[str]:
    """Name the fields that show two fingerprints to differ, with what differs on each side."""
    differing = _differences(one, other)
    return [text for field, text in differing.items() if field not in _means_nothing(one, other)]


def _means_nothing(one: Fingerprint, other: Fingerprint) -> set[str]:
    """Return the fields that may differ between fingerprints of one machine with one software."""
    nothing = {"hostname"} if one.machine and other.machine else {"hostname", "machine"}
    if all(VIRTUAL in (side.virtualisation or "") for side in (one, other)):
        # It is given more while it runs, or less, as it is needed.
        nothing.add("memory")
    return nothing


def _differences(one: Fingerprint, other: Fingerprint) -> dict[str, str]:
    """Return what differs on each side, in words, by field."""
    ours, theirs = one.model_dump(), other.model_dump()
    differing = {}
    for field in ours:
        here, there = ours[field], theirs[field]
        if here != there:
            if isinstance(here, list):
                here, there = (
                    [item for item in one if item not in other]
                    for one, other in ((here, there), (there, here))
                )
            elif isinstance(here, dict) and isinstance(there, dict):
                here, there = (
                    {key: value for key, value in one.items() if value != other.get(key)}
                    for one, other in ((here, there), (there, here))
                )
            differing[field] = f"{field} ({_short(here)} / {_short(there)})"
    return differing


def other_machine(one: Fingerprint, other: Fingerprint) -> list[str]:
    """Name the fields that show two fingerprints to be of two machines; none if of one.

    Software may differ, and the memory shown by SAME_MEMORY; early records know no clusters.
    """
    may_differ = _means_nothing(one, other)
    if not (one.clusters and other.clusters):
        may_differ.add("clusters")
    if abs(one.memory - other.memory) <= SAME_MEMORY * max(one.memory, other.memory):
        may_differ.add("memory")
    differing = _differences(one, other)
    return [text for field, text in differing.items() if field in {*MACHINE} - may_differ]


def other_platform(one: Platform, other: Platform) -> list[str]:
    """Name the fields that show two platforms to differ; how they are reached does not."""
    fields = (name for name in Platform.model_fields if name not in REACHING)
    pairs = ((name, getattr(one, name), getattr(other, name)) for name in fields)
    return [f"{name} ({here} / {there})" for name, here, there in pairs if here != there]


def changed_software(one: Fingerprint, other: Fingerprint) -> list[str]:
    """Name what differs between two fingerprints of one machine, its names included."""
    differing = _differences(one, other)
    hardware = {*MACHINE} - {"machine"}
    return [text for field, text in differing.items() if field not in hardware]


def _short(value: object) -> str:
    items = value if isinstance(value, list) else [value]
    text = ", ".join(_text(item) for item in items)
    return textwrap.shorten(text, 80, placeholder="…") or "none"


def _text(value: object) -> str:
    if isinstance(value, dict):
        return " ".join(f"{name} {part}" for name, part in value.items() if part is not None)
    return str(value)


def refuse_other_machine(begun_on: Fingerprint, found: Fingerprint) -> None:
    """Raise BadInputError, naming the fields that differ, unless both fingerprints are the same."""
    fields = differing_fields(begun_on, found)
    if fields:
        raise BadInputError(
            "This is not the platform that the run was begun on (then / now): "
            + "; ".join(fields)
            + ". Begin a new run."
        )
