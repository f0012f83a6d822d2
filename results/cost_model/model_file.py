"""Cost models by name or by file."""

from __future__ import annotations

from pathlib import Path

from results.cost_model.coefficient_file import read_model
from results.cost_model.cost_model import CostModel
from results.errors import BadInputError, suggestion

FOLDER = Path(__file__).parent / "fitted"


def model_names() -> list[str]:
    """Names of the cost models that come with the suite."""
    return sorted(file.stem for file in FOLDER.glob("*.toml"))


def load_model(name: str) -> CostModel:
    """Return the cost model called `name`, or the one in the TOML file at path `name`.

    Raises BadInputError for an unknown name and for a file that is no coefficient file.
    """
    if name in model_names():
        return read_model(FOLDER / f"{name}.toml")
    if name.endswith(".toml") or "/" in name:
        return read_model(Path(name))
    hint = suggestion(name, model_names())
    raise BadInputError(
        f"There is no cost model {name!r}. {hint} The path of a coefficient file (.toml) works too."
    )
