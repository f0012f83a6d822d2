"""A cost model: modelled time as a sum of what was counted, and how far such times were off.

t = Σ cost of an event (ns) · how often it was counted. It is not measured, and nothing in it is a
device's speed.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from guideline_benchmarks.results.cost_model.caches import Caches
from guideline_benchmarks.results.record.bounds import Name, PositiveInt
from guideline_benchmarks.results.record.platform import PRINTABLE, Record

Figure = Literal[
    "instructions", "branches", "memory_bytes", "l1i_misses", "l1d_misses", "l2_misses"
]
NonNegative = Annotated[float, Field(ge=0)]


class Coefficient(Record):
    """What one event costs, in ns, and its 95 % bootstrap interval."""

    ns: Annotated[float, Field(ge=0, le=1e9)]
    ci95_ns: tuple[NonNegative, NonNegative]


class Errors(Record):
    """How far modelled times are off the known ones of some cells that took no part in the fit.

    `median` and `p90` are of |modelled / known - 1|, `bias` is the median of modelled / known - 1,
    all fractions. `rank` is Spearman's correlation, None where it is not defined.
    """

    cells: PositiveInt
    median: NonNegative
    p90: NonNegative
    bias: float
    rank: float | None = None


class CostModel(Record):
    """What `fitted/*.toml` hold: coefficients, what they are of, and how far to trust them.

    `core` and `caches` are what was counted for, `counted_with` the versions of what counted.
    `backend` is that whose kernels were counted (early files, which do not say, are of ONNX
    Runtime).
    `fitted_on` says which `cells` the fit saw. `spread` is the root mean square of ln(known /
    modelled) of `spread_cells` cells that it did not see; prediction intervals come from it.
    `errors` are by the name of a set of such cells.
    """

    name: Name
    backend: Name = "onnxruntime-cpu"
    core: Annotated[str, Field(pattern=PRINTABLE)]
    caches: Caches
    fitted_on: Annotated[str, Field(pattern=PRINTABLE)]
    cells: PositiveInt
    spread: Annotated[float, Field(gt=0, le=10)]
    spread_cells: PositiveInt
    counted_with: dict[str, str]
    coefficients: Annotated[dict[Figure, Coefficient], Field(min_length=1)]
    errors: dict[str, Errors]

    @model_validator(mode="after")
    def _costs_something(self) -> Self:
        if not any(self.costs.values()):
            raise ValueError("every event costs nothing")
        return self

    @property
    def costs(self) -> dict[str, float]:
        """What each event costs, in ns."""
        return {name: coefficient.ns for name, coefficient in self.coefficients.items()}
