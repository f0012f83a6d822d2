"""Platforms by name or by file."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from guideline_benchmarks.results.errors import BadInputError, suggestion
from guideline_benchmarks.results.record.backends import backend
from guideline_benchmarks.results.record.platform import FLAT, MOST_THREADS, Platform
from guideline_benchmarks.results.store.toml_file import read_toml
from guideline_benchmarks.runners.platforms import FOLDER, platform_names
from guideline_benchmarks.runners.transports.catalogue import refuse_unknown

SSH = "ssh:"
WHAT = "Platform file"
# What a board runs that is named by its address alone.
BACKEND = "onnxruntime-cpu"
# The variable that names the machine that this program runs on.
MACHINE = "GUIDELINES_MACHINE"


def load_platform(name: str, machine: str | None = None) -> Platform:
    """Return the platform called `name`, or the one described by the TOML file at path `name`.

    "ssh:[user@]host[:port]" is a board with all else left to its defaults. Its machine is called
    `machine`, or if that is None as $GUIDELINES_MACHINE says of this one, or as the file does.
    Raises BadInputError for an unknown name, an unreadable or invalid file, and a name that no
    machine can have.
    """
    platform = _load(name)
    source = "--machine"
    if machine is None and platform.is_local:
        machine, source = os.environ.get(MACHINE) or None, MACHINE
    if machine is None:
        return platform
    return checked(platform.model_dump() | {"machine": machine}, source)


def _load(name: str) -> Platform:
    if name in platform_names():
        return _read(FOLDER / f"{name}.toml")
    if name.startswith(SSH):
        return board(name.removeprefix(SSH))
    if _is_path(name):
        return _read(Path(name))
    hint = suggestion(name, platform_names())
    raise BadInputError(
        f"There is no platform {name!r}. {hint} The path of a .toml file works too, and "
        "ssh:user@host for a board."
    )


def board(address: str) -> Platform:
    """Return the platform of the board at "[user@]host[:port]", IPv6 addresses in brackets.

    Raises BadInputError for what cannot be an address.
    """
    user, _, place = address.rpartition("@")
    parts = re.fullmatch(r"(?P<host>\[[^\]]*\]|[^:]*)(:(?P<port>\d{1,5}))?", place)
    if parts is None or not parts["host"].strip("[]"):
        raise BadInputError(f"{SSH}{address} is no board: write it as {SSH}user@host or …@host:22.")
    content = {
        "name": re.sub(r"[^a-z0-9_.@:-]", "-", f"{SSH}{address}".lower()),
        "backend": BACKEND,
        "description": f"{backend(BACKEND).runtime} on {parts['host']}",
        "transport": "ssh",
        "ssh": {
            "host": parts["host"].strip("[]"),
            "user": user,
            "port": int(parts["port"]) if parts["port"] else None,
        },
    }
    return checked(content, f"Board {SSH}{address}")


def lines(platform: Platform) -> list[str]:
    """Return the lines of the file of a platform that has no cost model, without defaults."""
    content = platform.model_dump(exclude_defaults=True)
    reached = content.pop("ssh", None)
    return [*_fields(content), *(["", "[ssh]", *_fields(reached)] if reached else [])]


def _fields(content: dict[str, Any]) -> list[str]:
    # A string of JSON is one of TOML, too.
    return [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in content.items()]


def is_flat(name: str) -> bool:
    """Whether `name` is a platform file that keeps ssh's fields beside the others.

    Files of earlier versions do. Raises BadInputError for a file that cannot be read.
    """
    return _is_path(name) and not FLAT.keys().isdisjoint(read_toml(Path(name), WHAT))


def _is_path(name: str) -> bool:
    return name.endswith(".toml") or "/" in name


def _read(path: Path) -> Platform:
    content = read_toml(path, WHAT)
    model = content.get("model")
    if isinstance(model, str) and (model.endswith(".toml") or "/" in model):
        # As the file's own folder sees it.
        content["model"] = str(path.parent / model)
    return checked(content, f"{WHAT} {path}")


def checked(content: dict[str, Any], source: str) -> Platform:
    """Return the platform of that content.

    Raises BadInputError, naming the `source`, for what cannot be a platform.
    """
    try:
        platform = Platform.model_validate(content, strict=True)
        backend(platform.backend)
        refuse_unknown(platform.transport)
        return platform
    except BadInputError as error:
        raise BadInputError(f"{source}: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = "".join(f"{part}: " for part in first["loc"])
        said = first["msg"].removeprefix("Value error, ")
        if first["loc"] == ("threads",):
            said = f"{first['input']!r} is no whole number from 1 to {MOST_THREADS}"
        if first["type"] == "missing":
            where, said = "", f"{'.'.join(map(str, first['loc']))} is missing"
        if first["type"] == "string_pattern_mismatch":
            said = f"{first['input']!r} has characters that it may not have"
        raise BadInputError(f"{source}: {where}{said}.") from None
