"""A matrix as its file declares it: what is measured on which platforms, threads, precisions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import Field, ValidationError, model_validator

from guideline_benchmarks.guidelines.catalogue import select
from guideline_benchmarks.guidelines.session.planning import DEFAULT_RUNS
from guideline_benchmarks.results.errors import BadInputError, suggestion
from guideline_benchmarks.results.record.bounds import PositiveInt
from guideline_benchmarks.results.record.platform import MOST_THREADS, Record
from guideline_benchmarks.results.record.protocol import Precision
from guideline_benchmarks.results.store.toml_file import read_toml
from guideline_benchmarks.runners.platform_file import load_platform

WHAT = "Matrix file"
Threads = Annotated[int, Field(ge=1, le=MOST_THREADS)] | Literal["all"]


class Matrix(Record):
    """What a matrix file says; every combination of the lists is measured, one record each.

    `experiments` and `platforms` are what `guidelines run` takes. Without `threads`, each platform
    has its own number. None is what is usual, of `runs` and `processes`. A field's description says
    what it must be.
    """

    experiments: Annotated[
        list[str], Field(min_length=1, description='a list of experiments, or ["all"]')
    ]
    platforms: Annotated[
        list[str], Field(min_length=1, description="a list of platforms, by name or file")
    ]
    threads: Annotated[
        list[Threads] | None,
        Field(min_length=1, description=f'a list of numbers from 1 to {MOST_THREADS}, or ["all"]'),
    ] = None
    precisions: Annotated[
        list[Precision],
        Field(min_length=1, description=f"a list of some of {', '.join(get_args(Precision))}"),
    ] = Field(default=["fp32"])
    runs: Annotated[
        PositiveInt | None, Field(description="a number of samples for each network, 1 or more")
    ] = None
    processes: Annotated[
        PositiveInt | None, Field(description="a number of processes, 1 or more")
    ] = None

    @model_validator(mode="after")
    def _a_sample_for_each_process(self) -> Self:
        runs = self.runs or DEFAULT_RUNS
        if self.processes is not None and self.processes > runs:
            raise ValueError(
                f"processes is {self.processes}, more than the {runs} runs: each takes at least one"
            )
        return self


def read_matrix(path: Path) -> Matrix:
    """Read a matrix file and check all of it, its platforms and experiments, too.

    Raises BadInputError, in one sentence, for what is none.
    """
    content = read_toml(path, WHAT)
    try:
        matrix = Matrix.model_validate(content, strict=True)
        _refuse_unknown(matrix)
    except ValidationError as error:
        raise BadInputError(f"{WHAT} {path}: {_fault(error)}") from None
    except BadInputError as error:
        raise BadInputError(f"{WHAT} {path}: {error}") from None
    return matrix


def _fault(error: ValidationError) -> str:
    """Say what the first fault is, and what should stand there."""
    first: Any = error.errors()[0]
    if not first["loc"]:
        return f"{first['msg'].removeprefix('Value error, ')}."
    key = str(first["loc"][0])
    if first["type"] == "extra_forbidden":
        return f"there is no key {key!r}. {suggestion(key, Matrix.model_fields)}"
    wanted = Matrix.model_fields[key].description
    if first["type"] == "missing":
        return f"{key} is missing: {wanted}."
    return f"{key} must be {wanted}; {first['input']!r} is not."


def _refuse_unknown(matrix: Matrix) -> None:
    """Raise BadInputError for experiments and platforms that are not there, or not to compare."""
    experiments = [declaration.experiment for declaration in select(matrix.experiments)]
    if not any(experiment.base and experiment.across_platforms for experiment in experiments):
        names = " and ".join(experiment.name for experiment in experiments)
        raise BadInputError(
            f"{names} cannot be compared between platforms: name an experiment of Tables 1 to 4."
        )
    called: dict[str, str] = {}
    for word in matrix.platforms:
        name = load_platform(word).name
        if called.setdefault(name, word) != word:
            raise BadInputError(
                f"{called[name]} and {word} are both called {name}, and would share a folder: give "
                "one another name."
            )
