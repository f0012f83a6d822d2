"""What takes part in a comparison: a recorded run, or one of the paper's two platforms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from guideline_benchmarks.results.paper import PAPER_PLATFORMS
from guideline_benchmarks.results.record.backends import BACKENDS
from guideline_benchmarks.results.record.cells import Cell, Experiment
from guideline_benchmarks.results.record.platform import Fingerprint, Platform
from guideline_benchmarks.results.record.schema import Run
from guideline_benchmarks.results.statistics.inference import Array
from guideline_benchmarks.results.statistics.intervals import process_log_ratios
from guideline_benchmarks.results.statistics.verdict import judge
from guideline_benchmarks.results.tables.metric import Kind, Standing
from guideline_benchmarks.results.tables.spread import Spread, spread_of
from guideline_benchmarks.results.tables.summary import CellResult, Column, summarise

PAPER = {f"paper:{channels}": device for channels, device in PAPER_PLATFORMS.items()}

# Experiment, row, scale.
CellKey = tuple[str, str, int]


@dataclass(frozen=True)
class Entrant:
    """One platform in a comparison; `verdicts` are by experiment and scale, in words.

    `label` is its platform's name until others with the same name are known. `runtime`, `threads`
    and `precision` are what its networks ran with, "" and None where that is not known: of the
    paper's platforms. `channels` says which
    networks it has, `unit` what its speeds are in, and `batch` how many images were asked for in a
    batch, None being the paper's. `spread` is how far its processes lie apart, None where unknown.
    A run has its `platform` and `fingerprint`, the `cells` of its tables, and `log_ratios`, the
    logarithms of their relative speeds: one a process, or one in all of what has no noise.
    """

    name: str
    label: str
    started: str
    kind: Kind | Literal["published"]
    origin: str
    runtime: str
    threads: int | None
    precision: str
    channels: str
    unit: str
    batch: int | None
    experiments: Sequence[Experiment]
    standings: Mapping[CellKey, Standing]
    verdicts: Mapping[tuple[str, int], str]
    spread: Spread | None = None
    platform: Platform | None = None
    fingerprint: Fingerprint | None = None
    cells: Mapping[CellKey, Cell] = field(default_factory=dict)
    log_ratios: Mapping[CellKey, Array] = field(default_factory=dict, repr=False, compare=False)

    @property
    def networks(self) -> tuple[str, str, int | None]:
        """What must be the same for absolute speeds to be compared."""
        return self.channels, self.unit, self.batch

    @property
    def has_intervals(self) -> bool:
        """Whether its relative speeds have intervals: those of times that were measured do."""
        return any(standing.interval for standing in self.standings.values())


def recorded(name: str, run: Run) -> Entrant:
    """Return the tables of a run as an entrant; `name` is what the user called it."""
    summary, machine = summarise(run), run.fingerprint
    chip = machine.gpu.name if machine.gpu else machine.cpu_model
    fit = f"; times modelled, fitted on {run.model.fitted_on}" if run.model else ""
    columns = [c for c in summary.columns if c.experiment.across_platforms]
    results = {
        (column.experiment.name, result.cell.row, column.scale): (column, result)
        for column in columns
        for result in column.results
    }
    standings = {key: summary.metric.standing(result) for key, (_, result) in results.items()}
    ratios = {key: _log_ratios(*found, standings[key]) for key, found in results.items()}
    return Entrant(
        name=name,
        label=run.label,
        started=run.sessions[0].started if run.sessions else "",
        kind=summary.metric.kind,
        origin=f"{name}: {run.platform.backend} on {chip}, {machine.software}{fit}",
        runtime=_runtime(run.platform.backend),
        threads=run.platform.threads,
        precision=run.protocol.precision,
        channels=run.protocol.channels,
        unit=run.platform.unit,
        batch=run.protocol.batch,
        experiments=[e for e in summary.experiments if e.across_platforms],
        standings=standings,
        verdicts={(c.experiment.name, c.scale): _verdict(c) for c in columns},
        spread=spread_of(run),
        platform=run.platform,
        fingerprint=machine,
        cells={key: result.cell for key, (_, result) in results.items()},
        log_ratios={key: found for key, found in ratios.items() if found is not None},
    )


def _log_ratios(column: Column, result: CellResult, standing: Standing) -> Array | None:
    """Return a cell's logarithms of relative speeds (see Entrant), None where it has none."""
    if standing.relative is None:
        return None
    base = next(one for one in column.results if one.cell.row == column.experiment.base)
    if result.timing is None or base.timing is None:
        return np.log([standing.relative])
    return process_log_ratios(result.timing.times, base.timing.times)


def _runtime(name: str) -> str:
    """Return what the runtime of a backend is called; a record may be of one added elsewhere."""
    return BACKENDS[name].runtime if name in BACKENDS else name


def _verdict(column: Column) -> str:
    """Return a column's verdict in words; counts decide nothing, but their order agrees or not."""
    if column.verdict is not None:
        return column.verdict.value
    return "undefined" if column.tau is None else f"τ = {column.tau:+.2f}"


def published(name: str, experiments: Mapping[str, Experiment], cells: Sequence[Cell]) -> Entrant:
    """Return one of the paper's platforms, by its name in PAPER.

    `cells` are those of its channel set. Its verdicts take the bare figures for certain.
    """
    speeds = {(c.experiment, c.row, c.scale): c.published for c in cells if c.published}
    standings: dict[CellKey, Standing] = {}
    others: dict[tuple[str, int], list[float]] = {}
    unit = ""
    for (experiment, row, scale), own in speeds.items():
        base = speeds.get((experiment, experiments[experiment].base or "", scale))
        if base is None:
            continue
        unit, relative = own.unit, own.speed / base.speed
        standings[experiment, row, scale] = Standing(relative, None, own.speed)
        column = others.setdefault((experiment, scale), [])
        if own is not base:
            column.append(relative)
    verdicts = {
        key: judge([(value, value) for value in column], experiments[key[0]].slower).value
        for key, column in others.items()
    }
    return Entrant(
        name=name,
        label=name,
        started="",
        kind="published",
        origin=f"published figures of the {PAPER[name]}, without intervals",
        runtime="",
        threads=None,
        precision="",
        channels=name.removeprefix("paper:"),
        unit=unit,
        batch=None,
        experiments=list(experiments.values()),
        standings=standings,
        verdicts=verdicts,
    )
