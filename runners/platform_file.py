"""Platforms by name or by file."""

from __future__ import annotations

import tomllib
from pathlib import Path

from pydantic import ValidationError

from results.errors import BadInputError, suggestion
from results.schema import Platform
from results.store import near_file

FOLDER = Path(__file__).parent / "platforms"


def platform_names() -> list[str]:
    """Names of the platforms that come with the suite."""
    return sorted(file.stem for file in FOLDER.glob("*.toml"))


def load_platform(name: str) -> Platform:
    """Return the platform called `name`, or the one described by the TOML file at path `name`.

    Raises BadInputError for an unknown name and an unreadable or invalid file.
    """
    if name in platform_names():
        return _read(FOLDER / f"{name}.toml")
    if name.endswith(".toml") or "/" in name:
        return _read(Path(name))
    hint = suggestion(name, platform_names())
    raise BadInputError(
        f"There is no platform {name!r}. {hint} The path of a .toml file works too."
    )


def _read(path: Path) -> Platform:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInputError(
            f"Platform file {path} cannot be read: {error.strerror}.{near_file(path)}"
        ) from None
    except ValueError as error:
        raise BadInputError(f"Platform file {path} is not valid TOML: {error}.") from None
    try:
        return Platform.model_validate(content, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise BadInputError(f"Platform file {path}: {field}: {first['msg']}.") from None
