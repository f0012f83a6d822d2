"""Several recorded runs, and the paper's two platforms, side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal

from results.paper import PAPER_PLATFORMS, published_speeds
from results.record.cells import Experiment
from results.record.schema import Run
from results.statistics.verdict import Interval, judge, order_agreement
from results.tables.summary import CellResult, Column, summarise

PAPER = {f"paper:{channels}": device for channels, device in PAPER_PLATFORMS.items()}
GUIDELINES = ("g1", "g2", "g3", "g4")
FEWEST_ROWS = 3

Kind = Literal["measured", "counted", "modelled", "published"]
# Experiment, row, scale.
CellKey = tuple[str, str, int]


@dataclass(frozen=True)
class Standing:
    """What one entrant says of a cell: speed relative to the base cell, its interval, and speed.

    Of counts, the base cell's instructions over the cell's take the place of a relative speed.
    """

    relative: float | None
    interval: Interval | None
    speed: float | None


@dataclass(frozen=True)
class Entrant:
    """One platform in a comparison; `verdicts` are by experiment and scale, in words.

    `label` is its platform's name until others with the same name are known. `channels` and
    `g4_unit` say which networks it has ("" where that is not known), `unit` what its speeds are in,
    and `batch` how many images were asked for in a batch, None being the paper's.
    """

    name: str
    label: str
    started: str
    kind: Kind
    origin: str
    channels: str
    g4_unit: str
    unit: str
    batch: int | None
    experiments: Sequence[Experiment]
    standings: Mapping[CellKey, Standing]
    verdicts: Mapping[tuple[str, int], str]


@dataclass(frozen=True)
class Comparison:
    """Entrants side by side; `left_out` says what is not compared, and why, a sentence each."""

    entrants: Sequence[Entrant]
    experiments: Sequence[Experiment]
    left_out: Sequence[str]

    def scales(self, experiment: Experiment) -> list[int]:
        """The scales at which any entrant has an experiment."""
        found = {key[2] for e in self.entrants for key in e.standings if key[0] == experiment.name}
        return sorted(found)

    def rows(self, experiment: Experiment) -> list[str]:
        """The rows of an experiment that any entrant has, in the table's order."""
        keys = [key for entrant in self.entrants for key in entrant.standings]
        return list(dict.fromkeys(key[1] for key in keys if key[0] == experiment.name))

    def keys(self, experiment: Experiment) -> list[CellKey]:
        """The cells of an experiment, scale after scale."""
        rows = self.rows(experiment)
        return [(experiment.name, row, at) for at in self.scales(experiment) for row in rows]

    @property
    def speed_groups(self) -> list[list[Entrant]]:
        """Entrants whose absolute speeds are of the same networks in the same unit."""
        groups: dict[tuple[str, str, int | None], list[Entrant]] = {}
        for entrant in self.entrants:
            if entrant.kind != "counted":
                groups.setdefault(_networks(entrant), []).append(entrant)
        return [group for group in groups.values() if len(group) > 1]


def _networks(entrant: Entrant) -> tuple[str, str, int | None]:
    """Return what must be the same for absolute speeds to be compared."""
    return entrant.channels, entrant.unit, entrant.batch


def recorded(name: str, run: Run) -> Entrant:
    """Return Tables 1 to 4 of a run as an entrant; `name` is what the user called it."""
    summary, machine = summarise(run), run.fingerprint
    chip = machine.gpu.name if machine.gpu else machine.cpu_model
    fit = f"; times modelled, fitted on {run.model.fitted_on}" if run.model else ""
    columns = [c for c in summary.columns if c.experiment.name in GUIDELINES]
    standings = {
        (column.experiment.name, result.cell.row, column.scale): _standing(result)
        for column in columns
        for result in column.results
    }
    return Entrant(
        name=name,
        label=run.platform.name,
        started=run.sessions[0].started if run.sessions else "",
        kind=_kind(run),
        origin=f"{name}: {run.platform.backend} on {chip}, {machine.software}{fit}",
        channels=run.protocol.channels,
        g4_unit=run.protocol.g4_unit,
        unit=run.platform.unit,
        batch=run.protocol.batch,
        experiments=[e for e in summary.experiments if e.name in GUIDELINES],
        standings=standings,
        verdicts={(c.experiment.name, c.scale): _verdict(c) for c in columns},
    )


def _kind(run: Run) -> Kind:
    if run.model is not None:
        return "modelled"
    return "counted" if run.platform.counts else "measured"


def compare(entrants: Sequence[Entrant]) -> Comparison:
    """Return entrants side by side, those without Tables 1 to 4 left out.

    Cells of Table 4 are taken of the unit that the first with any has.
    """
    left_out = [
        f"{e.name} is left out: it has none of Tables 1 to 4." for e in entrants if not e.standings
    ]
    kept = _labelled([entrant for entrant in entrants if entrant.standings])
    # The paper's figures stand beside what was measured; alone only where nothing was.
    measured = {e.name for one in kept if one.kind != "published" for e in one.experiments}
    kept = [_only(entrant, measured or GUIDELINES) for entrant in kept]
    found = {e.name: e for entrant in kept for e in entrant.experiments}
    experiments = [found[name] for name in GUIDELINES if name in found]
    kept, more = _with_one_unit(kept)
    return Comparison(kept, experiments, [*left_out, *more, *_partly_compared(kept)])


def _labelled(entrants: Sequence[Entrant]) -> list[Entrant]:
    """Return entrants with labels of their own: with the date, or a number, if need be."""
    shared = Counter(entrant.label for entrant in entrants)
    seen: Counter[str] = Counter()
    labelled = []
    for entrant in entrants:
        label = entrant.label
        if shared[label] > 1 and entrant.started:
            label = f"{label} {entrant.started[:16].replace('T', ' ')}"
        seen[label] += 1
        label = f"{label} #{seen[label]}" if seen[label] > 1 else label
        labelled.append(replace(entrant, label=label))
    return labelled


def _only(entrant: Entrant, experiments: Collection[str]) -> Entrant:
    """Return an entrant with some of its experiments alone."""
    return replace(
        entrant,
        experiments=[e for e in entrant.experiments if e.name in experiments],
        standings={key: s for key, s in entrant.standings.items() if key[0] in experiments},
        verdicts={key: v for key, v in entrant.verdicts.items() if key[0] in experiments},
    )


def _standing(result: CellResult) -> Standing:
    if result.modelled is not None:
        return Standing(result.modelled.relative_speed, None, 1e3 / result.modelled.ms)
    if result.counts is not None:
        relative = result.counts.relative
        return Standing(1 / relative if relative else None, None, None)
    timing = result.timing
    if timing is None:
        return Standing(None, None, None)
    return Standing(timing.relative_speed, timing.relative_speed_ci95, timing.speed)


def _verdict(column: Column) -> str:
    """Return a column's verdict in words; counts decide nothing, but their order agrees or not."""
    if column.verdict is not None:
        return column.verdict.value
    return "undefined" if column.tau is None else f"τ = {column.tau:+.2f}"


def published(name: str, experiments: Sequence[Experiment]) -> Entrant:
    """Return one of the paper's platforms, by its name in PAPER.

    Its verdicts take the bare figures for certain.
    """
    channels = name.removeprefix("paper:")
    standings: dict[CellKey, Standing] = {}
    verdicts = {}
    unit = ""
    for experiment in experiments:
        entries = published_speeds(experiment.name, channels)
        bases = {entry.scale: entry.speed for entry in entries if entry.row == experiment.base}
        for entry in entries:
            unit = entry.unit
            relative = entry.speed / bases[entry.scale]
            standings[experiment.name, entry.row, entry.scale] = Standing(
                relative, None, entry.speed
            )
        for scale in bases:
            others = [
                entry.speed / bases[scale]
                for entry in entries
                if entry.scale == scale and entry.row != experiment.base
            ]
            judged = judge([(value, value) for value in others], experiment.slower)
            verdicts[experiment.name, scale] = judged.value
    origin = f"published figures of the {PAPER[name]}, without intervals"
    return Entrant(
        name=name,
        label=name,
        started="",
        kind="published",
        origin=origin,
        channels=channels,
        g4_unit="",
        unit=unit,
        batch=None,
        experiments=experiments,
        standings=standings,
        verdicts=verdicts,
    )


def _with_one_unit(entrants: Sequence[Entrant]) -> tuple[list[Entrant], list[str]]:
    """Take Table 4 off the entrants that read its unit otherwise than the first that has it."""
    having = [e for e in entrants if e.g4_unit and any(key[0] == "g4" for key in e.standings)]
    if not having:
        return list(entrants), []
    unit, left_out, kept = having[0].g4_unit, [], []
    for entrant in entrants:
        if entrant in having and entrant.g4_unit != unit:
            left_out.append(
                f"Table 4 of {entrant.label} is left out: its unit is {entrant.g4_unit}, that of "
                f"{having[0].label} is {unit}."
            )
            entrant = _only(entrant, {"g1", "g2", "g3"})
        kept.append(entrant)
    return kept, left_out


def _partly_compared(entrants: Sequence[Entrant]) -> list[str]:
    """Say which entrants are compared in part only."""
    said = []
    channels = {entrant.channels for entrant in entrants}
    if len(channels) > 1:
        sets = "; ".join(
            f"{name}: {', '.join(e.label for e in entrants if e.channels == name)}"
            for name in sorted(channels)
        )
        said.append(
            f"The networks have two sets of widths ({sets}): relative speeds stand side by side as "
            "in the paper's tables, absolute speeds only within a set."
        )
    alone = [
        entrant.label
        for entrant in entrants
        if entrant.kind != "counted"
        and sum(_networks(e) == _networks(entrant) and e.kind != "counted" for e in entrants) == 1
    ]
    if alone:
        said.append(
            f"Absolute speeds of {', '.join(alone)} are left out: no other has the same networks "
            "in the same unit."
        )
    counted = [entrant.label for entrant in entrants if entrant.kind == "counted"]
    if counted:
        said.append(
            f"† {', '.join(counted)}: instructions on an emulated core, no time was measured. "
            "What stands as its relative speed is the base cell's instructions over the cell's; it "
            "has no absolute speed, and in place of a verdict how its order agrees with the "
            "paper's (τ)."
        )
    modelled = [entrant.label for entrant in entrants if entrant.kind == "modelled"]
    if modelled:
        said.append(
            f"§ {', '.join(modelled)}: modelled from counts on an emulated core, not measured. It "
            "has no intervals here, and in place of a verdict how its order agrees with the "
            "paper's (τ). A model agrees with what it was fitted on because it was."
        )
    published = [entrant.label for entrant in entrants if entrant.kind == "published"]
    if published:
        said.append(f"‡ {', '.join(published)}: the paper's figures, not measured here.")
    known = [key for entrant in entrants for key in entrant.standings]
    for entrant in entrants:
        lacking = sorted({key[0] for key in known} - {key[0] for key in entrant.standings})
        if lacking:
            said.append(f"{entrant.label} has no figures of {', '.join(lacking)}.")
    return said


def rank_agreement(one: Entrant, other: Entrant) -> float | None:
    """Return how far two entrants agree on the order of rows: Kendall's tau-b, by columns.

    The mean over all columns of which both have at least FEWEST_ROWS rows; None without any.
    """
    columns: dict[tuple[str, int], list[tuple[float, float]]] = {}
    for key, standing in one.standings.items():
        theirs = other.standings.get(key)
        if theirs and standing.relative is not None and theirs.relative is not None:
            pair = (standing.relative, theirs.relative)
            columns.setdefault((key[0], key[2]), []).append(pair)
    taus = [
        order_agreement([a for a, _ in pairs], [b for _, b in pairs])
        for pairs in columns.values()
        if len(pairs) >= FEWEST_ROWS
    ]
    known = [tau for tau in taus if tau is not None]
    return sum(known) / len(known) if known else None


def rank_agreements(comparison: Comparison) -> dict[tuple[str, str], float | None]:
    """Return the agreement of every two entrants, by their labels."""
    return {
        (one.label, other.label): rank_agreement(one, other)
        for one, other in combinations(comparison.entrants, 2)
    }
