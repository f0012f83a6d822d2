"""Files of TOML that a user names."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from guideline_benchmarks.results.errors import BadInputError
from guideline_benchmarks.results.store.files import near_file


def read_toml(path: Path, what: str) -> dict[str, Any]:
    """Return what a file of TOML holds; `what` it is called begins what is said of it.

    Raises BadInputError, in one sentence, for what cannot be read or is no TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInputError(
            f"{what} {path} cannot be read: {error.strerror}.{near_file(path)}"
        ) from None
    except ValueError as error:
        raise BadInputError(f"{what} {path} is not valid TOML: {error}.") from None
