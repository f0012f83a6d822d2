"""A fleet as its file declares it: the devices, and what is measured on whom."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, ValidationError

from guideline_benchmarks.results.errors import BadInputError, suggestion
from guideline_benchmarks.results.fleet.wanted import FolderName
from guideline_benchmarks.results.record.backends import BACKENDS
from guideline_benchmarks.results.record.bounds import PositiveInt
from guideline_benchmarks.results.record.platform import PRINTABLE, Record
from guideline_benchmarks.results.record.protocol import Precision
from guideline_benchmarks.results.store.toml_file import read_toml

WHAT = "Fleet file"
# Runtimes of CPUs, as a fleet file calls them, by their backends.
RUNTIMES = {
    name.removesuffix("-cpu"): name for name, row in BACKENDS.items() if row.device == "cpu"
}
# Where something stands in a file.
Keys = Sequence[str | int]
Threads = Annotated[int, Field(ge=1, le=256)] | Literal["all"]


class Wishes(Record):
    """What to measure; None is left to what is more general, and in the end to the platform.

    All combinations of the lists are measured, a record each.
    """

    experiments: Annotated[
        list[str] | None, Field(min_length=1, description='a list of experiments, or ["all"]')
    ] = None
    runs: Annotated[
        PositiveInt | None, Field(description="how many samples each network gets, 1 or more")
    ] = None
    processes: Annotated[
        PositiveInt | None, Field(description="over how many processes, 1 or more")
    ] = None
    runtimes: Annotated[
        list[str] | None,
        Field(min_length=1, description=f"a list of some of {', '.join(RUNTIMES)}"),
    ] = None
    threads: Annotated[
        list[Threads] | None,
        Field(min_length=1, description='a list of numbers from 1 to 256, or ["all"]'),
    ] = None
    precisions: Annotated[
        list[Precision] | None,
        Field(min_length=1, description=f"a list of some of {', '.join(get_args(Precision))}"),
    ] = None

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
        Field(description="a name of small letters, digits, dots, dashes and underscores"),
    ]
    platform: Annotated[
        str, Field(min_length=1, description="a platform by name or file, or ssh:user@host")
    ]
    tags: Annotated[list[str], Field(description="a list of names of tags")] = Field(default=[])
    run: Annotated[Wishes, Field(description="a table of what to measure")] = NOTHING
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


def read_fleet(path: Path) -> Fleet:
    """Read a fleet file and check its form.

    Platforms named by a file are found from the fleet file's own folder. Raises BadInputError that
    lists all faults.
    """
    content = read_toml(path, WHAT)
    try:
        fleet = Fleet.model_validate(content, strict=True)
    except ValidationError as error:
        faults = list(dict.fromkeys(_fault(one, content) for one in error.errors()))
        raise refused(path, faults) from None
    faults = _tags_without_devices(fleet) + _double_names(fleet)
    if faults:
        raise refused(path, faults)
    return fleet.model_copy(update={"device": [_found_from(path, one) for one in fleet.device]})


def refused(path: Path, faults: Sequence[str]) -> BadInputError:
    """Return the error that lists all faults of a file."""
    if len(faults) == 1:
        return BadInputError(f"{WHAT} {path}: {faults[0]}")
    lines = "".join(f"\n  {fault}" for fault in faults)
    return BadInputError(f"{WHAT} {path} has {len(faults)} faults:{lines}")


def _found_from(path: Path, device: Device) -> Device:
    """Return a device whose platform file, if it has one, is named as this program sees it."""
    named = device.platform
    if not named.endswith(".toml") or Path(named).is_absolute():
        return device
    return device.model_copy(update={"platform": str(path.parent / named)})


def _tags_without_devices(fleet: Fleet) -> list[str]:
    used = {tag for device in fleet.device for tag in device.tags}
    unused = [tag for tag in fleet.tags if tag not in used]
    return [
        f"no device has the tag {tag!r}. {suggestion(tag, used) if used else ''}".strip()
        for tag in unused
    ]


def _double_names(fleet: Fleet) -> list[str]:
    names = [device.name for device in fleet.device]
    return [
        f"{names.count(name)} devices are called {name}: give each a name of its own."
        for name in dict.fromkeys(names)
        if names.count(name) > 1
    ]


def _fault(error: Any, content: Any) -> str:
    """Say where a fault is, what is wrong, and what should stand there."""
    place, table, keys = _place(error["loc"], content)
    if not keys:
        return f"{place}must be a table; {error['input']!r} is not."
    key = str(keys[0])
    if error["type"] == "extra_forbidden":
        return f"{place}there is no key {key!r}. {suggestion(key, table.model_fields)}"
    wanted = table.model_fields[key].description
    if error["type"] == "missing":
        return f"{place}{key} is missing: {wanted}."
    return f"{place}{key} must be {wanted}; {error['input']!r} is not."


def _place(
    keys: Sequence[str | int], content: Any
) -> tuple[str, type[Record], Sequence[str | int]]:
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
