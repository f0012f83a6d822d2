"""The page that shows how far the gate can be trusted, what fails first."""

from __future__ import annotations

from collections.abc import Sequence

from guideline_benchmarks.guidelines.studies.gate import tables
from guideline_benchmarks.guidelines.studies.gate.curves import MODES
from guideline_benchmarks.guidelines.studies.gate.judging import Judged, Studied
from guideline_benchmarks.guidelines.studies.gate.plots import (
    Curve,
    power_plot,
    roc_plot,
    spread_plot,
)
from guideline_benchmarks.guidelines.studies.gate.sessions import sessions_table
from guideline_benchmarks.reports.document import Document, Section
from guideline_benchmarks.reports.formats.images import image
from guideline_benchmarks.reports.formats.markdown import markdown

TITLE = "How far the gate can be trusted"
SPREAD = ("gate_spread", "How far one pair's and one quartet's log ratios lie apart, cell by cell")
POWER = ("gate_power", "Share of sessions that found a slow-down, by its size")
ROC = ("gate_roc", "False alarms against detection: the gate's curve and those of four other rules")


def text(studied: Sequence[Studied], name: str) -> str:
    """Return the page in Markdown; its plots lie beside it."""
    sections = [
        Section("What fails", [*tables.failures(studied)]),
        Section("What was to be reached", tables=[tables.targets(studied)]),
        _recorded(studied),
        Section(
            "How far replicates lie apart",
            [
                "Standard deviation of the log ratio of two equal sides: of one pair, and of one "
                "quartet of the former design, both recorded in turns. A quartet has 6 rounds in "
                "each of its four processes and takes about half as long as a pair of 30, and its "
                "ratio is corrected by the controls. Where few were recorded (above), their spread "
                "says little."
            ],
            [SPREAD],
            [tables.spread_of_cells(studied)],
        ),
        Section(
            "Whole sessions",
            [
                "Each was measured from its first pair to its last verdict, with real extra "
                "work in side B."
            ],
            tables=[
                sessions_table(f"Whole sessions, {one.recorded.condition.words}", own)
                for one in studied
                if (own := one.recorded.sessions)
            ],
        ),
        Section(
            "Resampled sessions",
            [
                "Sessions strung together from recorded replicates in runs of neighbours "
                "(stationary bootstrap, five on average) go through the very procedure of "
                "guidelines ab, and end when their replicates would have taken ten minutes. A "
                "confirming pair counts as long as it takes (100 rounds), and has the noise of a "
                "screening one (30 rounds), which is more. Intervals (Clopper and Pearson's) take "
                "sessions for independent, which those drawn from the same replicates are not. "
                "A cell counts as found where it is SLOWER itself, a guideline where its geometric "
                "mean is, everything where a control is."
            ],
            [POWER],
            [tables.equal_sides(studied), tables.detection(studied), tables.hardest(studied)],
        ),
        tables.rules_section(studied, ROC),
        Section(
            "What the statistic gains",
            [
                "Pairs and quartets of equal sides, as recorded, with other statistics. Taking off "
                "the mixture of the controls, which quartets need, does not help pairs: what it "
                "could take off has cancelled already."
            ],
            tables=[tables.statistics(studied)],
        ),
    ]
    return markdown(Document(name, TITLE, sections))


def plots(studied: Sequence[Studied]) -> dict[str, str | bytes]:
    """Return the plots as SVG, by the names of their files."""
    first = next(iter(studied))
    extra = first.recorded.pools["pairs"].trial.extra
    drawn = {
        SPREAD[0]: spread_plot(
            {
                one.recorded.condition.words: {
                    design: [*found.spread.by_cell.values()] for design, found in one.judged.items()
                }
                for one in studied
            }
        ),
        POWER[0]: power_plot(
            {
                f"{design}, {one.recorded.condition.name}": {
                    fraction: found.evidence.one_cell(fraction).found for fraction in extra
                }
                for one in studied
                if one.recorded.condition.minutes
                for design, found in one.judged.items()
            }
        ),
        ROC[0]: roc_plot(
            {
                (one.recorded.condition.name, fraction): _curves(
                    one.judged["pairs"], fraction, 0.02
                )
                for one in studied
                if one.recorded.condition.minutes
                for fraction in one.judged["pairs"].own
            }
        ),
    }
    return {name: image(figure, "svg") for name, figure in drawn.items()}


def _curves(found: Judged, fraction: float, margin: float) -> list[Curve]:
    """Return the curves of the gate and of the rules, which get the samples of the same pairs."""
    own = found.own[fraction]
    operating = next(point for point in own if point.setting == margin)
    rules = [
        Curve(s.rule.name, s.curve(fraction), s.at(s.rule.threshold, fraction))
        for s in found.rules[MODES[0]]
    ]
    return [Curve("guidelines ab", own, operating), *rules]


def _recorded(studied: Sequence[Studied]) -> Section:
    """Say what was recorded, and how much the extra work really was."""
    pairs = studied[0].recorded.pools["pairs"]
    machine = pairs.trial.a.fingerprint
    return Section(
        "What was recorded",
        [
            f"On {machine.cpu_model}, {machine.cores} cores, {machine.virtualisation or 'bare'}; "
            f"{machine.software}. In turns, pairs (a fresh process of each side, alive at once on "
            "one core, network by network in random order) and quartets (the design that sides "
            "get that cannot be alive at once: four processes, one after the other, A B B A). The "
            f"neighbour copies {tables.NEIGHBOUR_MIB} MiB of memory again and again; its busy and "
            "idle phases last 0.1 to 30 s, drawn evenly on a logarithmic scale.",
            "Both sides are the same. After each execution a worker multiplies small matrices that "
            "stay in the first-level cache, and reads the clock at 2, 3, 5 and 10 % of the "
            "network's time: work really done, in the same sample. Which step of side B counts is "
            "chosen afterwards, so the same replicates serve as A/A and as every slow-down of "
            "every cell. What is added is arithmetic; a slow-down by memory traffic might be "
            "noisier.",
        ],
        tables=[tables.recorded(studied), tables.extra_work(studied)],
    )
