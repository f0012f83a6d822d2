"""Several recorded runs, and the paper's two platforms, side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from results.paper import published_speeds
from results.schema import Experiment, Run
from results.summary import CellResult, Column, Summary, summarise
from results.verdict import Interval, judge, order_agreement

PAPER = {"paper:gpu": "GeForce GTX 1080 Ti", "paper:arm": "Snapdragon 810"}
GUIDELINES = ("g1", "g2", "g3", "g4")
FEWEST_ROWS = 3

Kind = Literal["measured", "counted", "published"]
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

    `channels` and `g4_unit` say which networks it has ("" where that is not known), `unit` what its
    speeds are in.
    """

    label: str
    kind: Kind
    origin: str
    channels: str
    g4_unit: str
    unit: str
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

    @property
    def speed_groups(self) -> list[list[Entrant]]:
        """Entrants whose absolute speeds are of the same networks in the same unit."""
        groups: dict[tuple[str, str], list[Entrant]] = {}
        for entrant in self.entrants:
            if entrant.kind != "counted":
                groups.setdefault((entrant.channels, entrant.unit), []).append(entrant)
        return [group for group in groups.values() if len(group) > 1]


def lay_side_by_side(runs: Mapping[str, Run | None]) -> Comparison:
    """Return the comparison of runs by name; those of None are the paper's, by the names in PAPER.

    Cells of Table 4 are taken of the unit that the first run with any has.
    """
    summaries = {name: summarise(run) for name, run in runs.items() if run is not None}
    experiments = _experiments(summaries)
    labels = _labels(summaries)
    entrants, left_out = [], []
    for name in runs:
        if name not in summaries:
            entrants.append(_published(name, experiments))
            continue
        if not summaries[name].columns:
            left_out.append(f"{name} is left out: it has none of Tables 1 to 4.")
            continue
        entrants.append(_recorded(labels[name], name, summaries[name]))
    entrants, more = _with_one_unit(entrants)
    return Comparison(entrants, experiments, [*left_out, *more, *_partly_compared(entrants)])


def _experiments(summaries: Mapping[str, Summary]) -> list[Experiment]:
    """Return the guidelines that any run has, in the paper's order."""
    found = {e.name: e for summary in summaries.values() for e in summary.experiments}
    return [found[name] for name in GUIDELINES if name in found]


def _labels(summaries: Mapping[str, Summary]) -> dict[str, str]:
    """Return a short label for each run: its platform, with the date or a number if need be."""
    platforms = {name: summary.run.platform.name for name, summary in summaries.items()}
    labels = dict(platforms)
    for name, platform in platforms.items():
        sessions = summaries[name].run.sessions
        if Counter(platforms.values())[platform] > 1 and sessions:
            labels[name] = f"{platform} {sessions[0].started[:16].replace('T', ' ')}"
    seen: Counter[str] = Counter()
    for name, label in labels.items():
        seen[label] += 1
        if seen[label] > 1:
            labels[name] = f"{label} #{seen[label]}"
    return labels


def _recorded(label: str, name: str, summary: Summary) -> Entrant:
    run = summary.run
    standings = {
        (column.experiment.name, result.cell.row, column.scale): _standing(result)
        for column in summary.columns
        for result in column.results
    }
    versions = ", ".join(f"{n} {v}" for n, v in run.fingerprint.runtimes.items())
    return Entrant(
        label=label,
        kind="counted" if run.platform.counts else "measured",
        origin=f"{name}: {run.platform.backend} on {run.fingerprint.cpu_model}, {versions}",
        channels=run.protocol.channels,
        g4_unit=run.protocol.g4_unit,
        unit=run.platform.unit,
        standings=standings,
        verdicts={(c.experiment.name, c.scale): _verdict(c) for c in summary.columns},
    )


def _standing(result: CellResult) -> Standing:
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


def _published(name: str, experiments: Sequence[Experiment]) -> Entrant:
    """Return one of the paper's platforms; its verdicts take the bare figures for certain."""
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
    return Entrant(name, "published", origin, channels, "", unit, standings, verdicts)


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
            entrant = _without(entrant, "g4")
        kept.append(entrant)
    return kept, left_out


def _without(entrant: Entrant, experiment: str) -> Entrant:
    return Entrant(
        label=entrant.label,
        kind=entrant.kind,
        origin=entrant.origin,
        channels=entrant.channels,
        g4_unit=entrant.g4_unit,
        unit=entrant.unit,
        standings={key: s for key, s in entrant.standings.items() if key[0] != experiment},
        verdicts={key: v for key, v in entrant.verdicts.items() if key[0] != experiment},
    )


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
        and sum(
            (e.channels, e.unit) == (entrant.channels, entrant.unit) and e.kind != "counted"
            for e in entrants
        )
        == 1
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
