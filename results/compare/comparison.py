"""Several recorded runs, and the paper's two platforms, side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from guideline_benchmarks.results.compare.entrants import CellKey, Entrant
from guideline_benchmarks.results.record.cells import Experiment


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
                groups.setdefault(entrant.networks, []).append(entrant)
        return [group for group in groups.values() if len(group) > 1]


def compare(entrants: Sequence[Entrant]) -> Comparison:
    """Return entrants side by side, those without any table left out.

    Of an experiment that can be read in several ways, cells are taken of the reading that the first
    with any has.
    """
    left_out = [
        f"{e.name} is left out: it has no table to compare." for e in entrants if not e.standings
    ]
    kept = _labelled([entrant for entrant in entrants if entrant.standings])
    # The paper's figures stand beside what was measured; alone only where nothing was.
    measured = {e.name for one in kept if one.kind != "published" for e in one.experiments}
    if measured:
        kept = [_only(entrant, measured) for entrant in kept]
    # In the order of the entrant that has most of them.
    longest_first = sorted(kept, key=lambda entrant: -len(entrant.experiments))
    found = {e.name: e for entrant in reversed(longest_first) for e in entrant.experiments}
    names = dict.fromkeys(e.name for entrant in longest_first for e in entrant.experiments)
    kept, more = _with_one_reading(kept)
    said = [*left_out, *more, *_partly_compared(kept)]
    return Comparison(kept, [found[name] for name in names], said)


def _labelled(entrants: Sequence[Entrant]) -> list[Entrant]:
    """Return entrants with labels of their own: with the runtime, the date, or a number if need be.

    The runtime only where it tells those of one label apart.
    """
    runtimes: dict[str, set[str]] = {}
    for entrant in entrants:
        runtimes.setdefault(entrant.label, set()).add(entrant.runtime)
    entrants = [
        replace(e, label=f"{e.label}, {e.runtime}") if len(runtimes[e.label]) > 1 else e
        for e in entrants
    ]
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


def _with_one_reading(entrants: Sequence[Entrant]) -> tuple[list[Entrant], list[str]]:
    """Take experiments off the entrants that read them otherwise than the first that has them."""
    first: dict[str, tuple[Entrant, Experiment]] = {}
    kept, left_out = [], []
    for entrant in entrants:
        fitting = []
        for experiment in entrant.experiments:
            leader, theirs = first.setdefault(experiment.name, (entrant, experiment))
            if not theirs.reading:
                first[experiment.name] = leader, theirs = entrant, experiment
            differing = {
                what: (own, theirs.reading[what])
                for what, own in experiment.reading.items()
                if theirs.reading.get(what, own) != own
            }
            for what, (own, other) in differing.items():
                left_out.append(
                    f"{experiment.table} of {entrant.label} is left out: its {what} is {own}, that "
                    f"of {leader.label} is {other}."
                )
            if not differing:
                fitting.append(experiment.name)
        kept.append(_only(entrant, fitting))
    return kept, left_out


def _partly_compared(entrants: Sequence[Entrant]) -> list[str]:
    """Say which entrants are compared in part only."""
    said = []
    channels = {entrant.channels for entrant in entrants}
    if len(channels) > 1:
        many = "two" if len(channels) == 2 else "three"
        sets = "; ".join(
            f"{name}: {', '.join(e.label for e in entrants if e.channels == name)}"
            for name in sorted(channels)
        )
        said.append(
            f"The networks have {many} sets of widths ({sets}): relative speeds stand side by side "
            "as in the paper's tables, absolute speeds only within a set."
        )
    alone = [
        entrant.label
        for entrant in entrants
        if entrant.kind != "counted"
        and sum(e.networks == entrant.networks and e.kind != "counted" for e in entrants) == 1
    ]
    if alone:
        said.append(
            f"Absolute speeds of {', '.join(alone)} are left out: no other has the same networks "
            "in the same unit."
        )
    counted = [entrant.label for entrant in entrants if entrant.kind == "counted"]
    if counted:
        said.append(
            f"† {', '.join(counted)}: executed instructions, no time was measured. "
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
