"""A fleet as its file declares it: the devices, and what is measured on whom."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field, ValidationError, field_validator

from guideline_benchmarks.guidelines.catalogue import select
from guideline_benchmarks.guidelines.session.matrix_file import Matrix, Threads
from guideline_benchmarks.results.errors import BadInputError, suggestion
from guideline_benchmarks.results.fleet.wanted import FolderName
from guideline_benchmarks.results.record.backends import BACKENDS
from guideline_benchmarks.results.record.bounds import PositiveInt
from guideline_benchmarks.results.record.platform import PRINTABLE, Record
from guideline_benchmarks.results.record.protocol import Precision

# Runtimes of CPUs, as a fleet file calls them, by their backends.
RUNTIMES = {
    name.removesuffix("-cpu"): name for name, row in BACKENDS.items() if row.device == "cpu"
}
# Where something stands in a file.
Keys = Sequence[str | int]


def as_in_a_matrix(name: str, min_length: int | None = None) -> Any:
    """Return the field of a fleet file that says what the one of that name does in a matrix."""
    return Field(description=Matrix.model_fields[name].description, min_length=min_length)


def _faultless(names: list[str] | None, faults: Sequence[str]) -> list[str] | None:
    """Return the names of a list, or raise ValueError with all that is wrong with them."""
    if faults:
        raise ValueError(" ".join(faults))
    return names


class Wishes(Record):
    """What to measure; None is left to what is more general, and in the end to the platform.

    All combinations of the lists are measured, a record each.
    """

    experiments: Annotated[list[str] | None, as_in_a_matrix("experiments", min_length=1)] = None
    runs: Annotated[PositiveInt | None, as_in_a_matrix("runs")] = None
    processes: Annotated[PositiveInt | None, as_in_a_matrix("processes")] = None
    runtimes: Annotated[
        list[str] | None,
        Field(min_length=1, description=f"a list of some of {', '.join(RUNTIMES)}"),
    ] = None
    threads: Annotated[list[Threads] | None, as_in_a_matrix("threads", min_length=1)] = None
    precisions: Annotated[list[Precision] | None, as_in_a_matrix("precisions", min_length=1)] = None

    @field_validator("experiments")
    @classmethod
    def _are_known(cls, names: list[str] | None) -> list[str] | None:
        faults = []
        for name in names or []:
            try:
                select([name])
            except BadInputError as error:
                faults.append(str(error))
        return _faultless(names, faults)

    @field_validator("runtimes")
    @classmethod
    def _have_backends(cls, names: list[str] | None) -> list[str] | None:
        unknown = [name for name in names or [] if name not in RUNTIMES]
        faults = [f"there is no runtime {name!r}. {suggestion(name, RUNTIMES)}" for name in unknown]
        return _faultless(names, faults)

    def over(self, general: Wishes) -> Wishes:
        """Return these wishes, and those more general ones that say what these do not."""
        said = {name: value for name, value in self if value is not None}
        return general.model_copy(update=said)


NOTHING = Wishes()


class Device(Record):
    """One device: its platform by name, file or address, its tags, and what it is to measure.

    A `labgrid` place, where one is named, is its lock.
    """

    name: Annotated[
        FolderName,
        Field(
            description="at most 100 small letters, digits, dots, dashes and underscores, of which "
            "the first is a letter or a digit"
        ),
    ]
    platform: Annotated[
        str, Field(min_length=1, description="a platform by name or file, or ssh:user@host")
    ]
    tags: Annotated[list[str], Field(description="a list of names of tags")] = Field(default=[])
    run: Annotated[Wishes, Field(description="a table of what to measure on it")] = NOTHING
    labgrid: Annotated[
        str | None, Field(pattern=PRINTABLE, min_length=1, description="a place of labgrid's")
    ] = None


class Fleet(Record):
    """What a fleet file says: what all devices measure, what those of a tag do, and the devices."""

    run: Annotated[Wishes, Field(description="a table with experiments")]
    tags: Annotated[dict[str, Wishes], Field(description="a table for each tag")] = Field(
        default={}
    )
    device: Annotated[list[Device], Field(min_length=1, description="a [[device]] for each")]

    def wishes(self, device: Device, general: Wishes | None = None) -> Wishes:
        """Return what is asked of a device: by itself, by its tags (the last first), by all.

        `general` stands for what is asked of all, where not all of that is meant for it.
        """
        found = self.run if general is None else general
        for tag in device.tags:
            found = self.tags.get(tag, NOTHING).over(found)
        return device.run.over(found)


def parsed(content: dict[str, Any]) -> tuple[Fleet | None, list[str]]:
    """Return what a file's content says, and all that is wrong with its form.

    Where something is, what can be understood without it is returned, so that it can be looked at
    for further faults; None where that is nothing.
    """
    faults = [*_unpaired_tags(content), *_double_names(content)]
    try:
        return Fleet.model_validate(content, strict=True), faults
    except ValidationError as error:
        wrong = error.errors()
    faults = [*dict.fromkeys(_fault(one, content) for one in wrong), *faults]
    try:
        rest = _without(content, [one["loc"] for one in wrong])
        return Fleet.model_validate(rest, strict=True), faults
    except ValidationError:
        return None, faults


def _without(content: dict[str, Any], places: Sequence[Keys]) -> dict[str, Any]:
    """Return a file's content without what is faulty: a wish, a key, a device's name.

    A device without a name that fits is called by its number; one without a platform is left out.
    """
    rest = copy.deepcopy(content)
    without_platform = set()
    for place in places:
        match place:
            case ("device", int() as number, "name", *_):
                rest["device"][number]["name"] = f"device-{number + 1}"
            case ("device", int() as number, "run", str() as key, *_):
                rest["device"][number]["run"].pop(key, None)
            case ("device", int() as number, str() as key, *_) if key != "platform":
                rest["device"][number].pop(key, None)
            case ("device", int() as number, *_):
                without_platform.add(number)
            case ("tags", str() as tag, str() as key, *_):
                rest["tags"][tag].pop(key, None)
            case (str() as first, str() as key, *_):
                rest[first].pop(key, None)
            case (str() as first,):
                rest.pop(first, None)
    rest["device"] = [
        device
        for number, device in enumerate(rest.get("device", []))
        if number not in without_platform
    ]
    # What was wrong about experiments was said.
    rest.setdefault("run", {}).setdefault("experiments", ["all"])
    return rest


def _devices(content: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the tables of devices in a file that may be wrong."""
    found = content.get("device")
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _unpaired_tags(content: dict[str, Any]) -> list[str]:
    """Return the faults of tags that no device has, and of those that no table explains."""
    lists = [tags for device in _devices(content) if isinstance(tags := device.get("tags"), list)]
    used = {tag for tags in lists for tag in tags if isinstance(tag, str)}
    tables = content.get("tags", {})
    declared = {*tables} if isinstance(tables, dict) else used
    pairs = (
        (declared - used, used, "tags.{0}: no device has the tag {0!r}."),
        (used - declared, declared, "there is no table [tags.{0}], and a device has this tag."),
    )
    return [
        said.format(tag) + (f" {suggestion(tag, sorted(known))}" if known else "")
        for unpaired, known, said in pairs
        for tag in sorted(unpaired)
    ]


def _double_names(content: dict[str, Any]) -> list[str]:
    names = [device["name"] for device in _devices(content) if isinstance(device.get("name"), str)]
    return [
        f"{count} devices are called {name}: give each a name of its own."
        for name, count in Counter(names).items()
        if count > 1
    ]


def _fault(error: Any, content: Any) -> str:
    """Say where a fault is, what is wrong, and what should stand there."""
    place, table, keys = _place(error["loc"], content)
    if not keys:
        return f"{place}must be a table; {error['input']!r} is not."
    key = str(keys[0])
    if error["type"] == "extra_forbidden":
        return f"{place}there is no key {key!r}. {suggestion(key, table.model_fields)}"
    if error["type"] == "value_error":
        return f"{place}{key}: {error['ctx']['error']}"
    wanted = table.model_fields[key].description
    if error["type"] == "missing":
        return f"{place}{key} is missing: {wanted}."
    return f"{place}{key} must be {wanted}; {error['input']!r} is not."


def _place(keys: Keys, content: Any) -> tuple[str, type[Record], Keys]:
    """Return what a place in a file is called, the table that stands there, and the keys in it."""
    match keys:
        case ("device", int() as number, *rest):
            called = content["device"][number]
            name = called.get("name") if isinstance(called, dict) else None
            place = f"device {number + 1}{f' ({name})' if isinstance(name, str) else ''}: "
            if rest[:1] == ["run"] and len(rest) > 1:
                return f"{place}run: ", Wishes, rest[1:]
            return place, Device, rest
        case ("tags", tag, *rest):
            return f"tags.{tag}: ", Wishes, rest
        case ("run", first, *rest):
            return "run: ", Wishes, [first, *rest]
        case _:
            return "", Fleet, keys
