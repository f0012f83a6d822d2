"""Cost models on disk: TOML files; those that come with the suite lie in `fitted/`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tomli_w
from pydantic import ValidationError

from guideline_benchmarks.results.cost_model.cost_model import CostModel
from guideline_benchmarks.results.errors import BadInputError, suggestion
from guideline_benchmarks.results.record.faults import first_fault
from guideline_benchmarks.results.store.files import OUT, write_file
from guideline_benchmarks.results.store.toml_file import read_toml

FOLDER = Path(__file__).parent / "fitted"
WHAT = "Coefficient file"


def write_model(path: Path, model: CostModel, comment: str, chosen_by: str = OUT) -> None:
    """Write a model below a comment (raises the errors of results.store.files.write_file)."""
    content = tomli_w.dumps(_rounded(model.model_dump(mode="json", exclude_none=True)))
    lines = "".join(f"# {line}\n" for line in comment.splitlines())
    write_file(path, f"{lines}\n{content}", chosen_by)


def _rounded(value: Any) -> Any:
    """Return a value with all its numbers to six digits, as many as could ever mean something."""
    if isinstance(value, dict):
        return {name: _rounded(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_rounded(part) for part in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


def read_model(path: Path) -> CostModel:
    """Read a model; raises BadInputError, in one sentence, for what is none."""
    try:
        return CostModel.model_validate(read_toml(path, WHAT))
    except ValidationError as error:
        raise BadInputError(f"{WHAT} {path}: {first_fault(error)}.") from None


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
