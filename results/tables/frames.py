"""A run as data: its cells, its samples and its shares of time as pandas DataFrames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from guideline_benchmarks.results.paper import PAPER_PLATFORMS
from guideline_benchmarks.results.record.cells import shape_text
from guideline_benchmarks.results.record.network_cost import CountedLayer
from guideline_benchmarks.results.record.parts import Count
from guideline_benchmarks.results.record.schema import Run
from guideline_benchmarks.results.tables.counts import Counts
from guideline_benchmarks.results.tables.json_objects import cell_objects, share_objects
from guideline_benchmarks.results.tables.summary import Summary

# What a count holds, execution by execution, in the order of Counts.
COUNTED = tuple(field.name for field in fields(Counts) if field.name in Count.model_fields)
SAMPLE_COLUMNS = (
    *("cell", "experiment", "row", "scale", "control"),
    *("kind", "process", "round", "position", "value", "unit"),
)
SHAPES = ("inputs", "outputs")
LAYER_COLUMNS = ("network", *(field.name for field in fields(CountedLayer)))
# What is a table itself, or a few words, and so no column of numbers.
SWAPPED = tuple(f"swapped_from_paper_{channels}" for channels in PAPER_PLATFORMS)
NESTED = (*SHAPES, *SWAPPED, "layers", "uncounted")


@dataclass(frozen=True)
class Frames:
    """A run as data; every column with its unit stands in docs/data.md.

    `cells` has a row for each cell of Tables 1 to 4 and their like, `shares` one for each category
    of each network that was taken apart, with the fields of `guidelines show --json`; an interval
    is two columns, its ends. `samples` has a row for each figure that was taken, raw, controls
    included. `layers` has one for each counted layer of each network that was taken apart. What
    there is none of is an empty frame, a missing figure is NaN or None.
    """

    cells: pd.DataFrame
    samples: pd.DataFrame
    shares: pd.DataFrame
    layers: pd.DataFrame


def frames_of(summary: Summary) -> Frames:
    """Return a run's figures, and its samples, as data."""
    return Frames(
        cells=_frame(cell_objects(summary)),
        samples=_samples(summary.run),
        shares=_frame(share_objects(summary)),
        layers=pd.DataFrame(_layers(summary), columns=list(LAYER_COLUMNS)),
    )


def _layers(summary: Summary) -> Iterator[tuple[Any, ...]]:
    """Yield a row for each layer of what was counted, in the order of LAYER_COLUMNS."""
    for found in summary.decompositions:
        for layer in found.cell.counted.layers if found.cell.counted else ():
            row = asdict(layer) | {name: _shapes(getattr(layer, name)) for name in SHAPES}
            yield found.cell.row, *(row[name] for name in LAYER_COLUMNS[1:])


def _shapes(shapes: Iterable[Sequence[int]]) -> str:
    return ", ".join(shape_text(shape) for shape in shapes)


def _frame(objects: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Return objects as rows; what is a list in them becomes two columns, or text.

    A column in which all are missing is one of NaN, so that it can be reckoned with.
    """
    frame = pd.DataFrame([dict(_flat(entry)) for entry in objects])
    return frame.astype(dict.fromkeys(frame.columns[frame.isna().all()], float))


def _flat(entry: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in entry.items():
        if name in NESTED:
            continue
        if name == "input":
            yield name, shape_text(value)
        elif "_ci95" in name and not name.startswith("ci95"):
            for place, end in enumerate(("low", "high")):
                yield name.replace("_ci95", f"_ci95_{end}"), value[place] if value else None
        else:
            yield name, value


class _Taken(NamedTuple):
    """Figures of one kind, one process and one round: of which networks, at which positions."""

    kind: str
    process: int
    round: int
    networks: NDArray[np.int64]
    positions: NDArray[np.int64]
    values: NDArray[np.int64]


def _samples(run: Run) -> pd.DataFrame:
    taken = [*_timed(run), *_counted(run)]
    if not taken:
        return pd.DataFrame(columns=list(SAMPLE_COLUMNS))
    sizes = [len(one.values) for one in taken]
    networks = np.concatenate([one.networks for one in taken])
    kinds = np.repeat([one.kind for one in taken], sizes)
    unit = "count" if run.platform.counts else "ns"
    columns: dict[str, Any] = {
        "cell": _of_each([network.name for network in run.networks], networks),
        "experiment": _of_each([network.experiment for network in run.networks], networks),
        "row": _of_each([network.row for network in run.networks], networks),
        "scale": _of_each([network.scale for network in run.networks], networks),
        "control": networks >= len(run.cells),
        "kind": kinds,
        "process": np.repeat([one.process for one in taken], sizes),
        "round": np.repeat([one.round for one in taken], sizes),
        "position": np.concatenate([one.positions for one in taken]),
        "value": np.concatenate([one.values for one in taken]),
        "unit": np.where(kinds == "memory_bytes", "bytes", unit),
    }
    return pd.DataFrame(columns, columns=list(SAMPLE_COLUMNS))


def _of_each(values: Sequence[Any], networks: NDArray[np.int64]) -> NDArray[Any]:
    """Return what is known of each network, sample by sample."""
    return np.array(values)[networks]


def _timed(run: Run) -> Iterator[_Taken]:
    for entry in run.rounds:
        order = np.array(entry.order)
        places = np.arange(len(order))
        for kind, ns in [("time", entry.ns), *entry.beside.items()]:
            yield _Taken(kind, entry.process, entry.round, order, places, np.array(ns))
        if entry.profiles:
            networks = np.array([profile.network for profile in entry.profiles])
            at = np.array([entry.order.index(network) for network in networks])
            values = np.array([profile.ns for profile in entry.profiles])
            yield _Taken("profiled", entry.process, entry.round, networks, at, values)


def _counted(run: Run) -> Iterator[_Taken]:
    """Yield what was counted; each network has a process of its own, its rounds are executions."""
    places = {network.name: place for place, network in enumerate(run.networks)}
    for process, count in enumerate(run.counts):
        network, first = np.array([places[count.cell]]), np.array([0])
        for kind in COUNTED:
            for execution, value in enumerate(getattr(count, kind)):
                yield _Taken(kind, process, execution, network, first, np.array([value]))
