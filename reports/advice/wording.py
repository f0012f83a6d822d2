"""What every advice says in words, in full and in short."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.cells import cell_len, set_cell_size

from guideline_benchmarks.reports.document import MISSING, Said, Tone
from guideline_benchmarks.reports.layout import (
    excess,
    interval_text,
    millions,
    percents_text,
    significant,
)
from guideline_benchmarks.results.advice.judged import Finding, Gain, Judged, Together
from guideline_benchmarks.results.advice.ranking import Standing, costliest, ranks, standing
from guideline_benchmarks.results.advice.record import Guideline
from guideline_benchmarks.results.statistics.resolution import NOT_RESOLVED, resolves_share

# What a finding of each guideline is about; G0 is this suite's own, the others are the paper's.
GUIDELINES: Mapping[Guideline, str] = {
    "G0": "widths off the runtime's blocks",
    "G1": "unequal channel widths",
    "G2": "group convolutions",
    "G3": "fragmentation",
    "G4": "element-wise operators",
}
TITLES: Mapping[Standing, str] = {
    "gain": "Obeying the guideline gains",
    "undecided": "Measured by one process alone, so nothing is decided",
    "costs nothing here": "Breaks the rule, costs nothing here",
    "slower": "Breaks the rule, and the alternative is slower",
    "not measured": "Breaks the rule, not measured",
}
ACCURACY = "Accuracy was not assessed; training shows what an alternative does to it."
NO_BAR = (
    "The network is not drawn along its layers: this runtime shows no times of single operators."
)
ONE_PROCESS = "One process alone: no interval can be given, so nothing is decided."
NOT_ADDITIVE = "gains of layers do not add up (fusion, layouts): trust what was measured"


def label(judged: Judged) -> str:
    """Return the platform's label, with a precision that is not usual: "cpu, 2 threads, int8"."""
    precision = judged.protocol.precision
    return ", ".join([judged.platform.label, *([] if precision == "fp32" else [precision])])


def title(judged: Judged) -> str:
    """Return the title of an advice."""
    return f"Advice for {one_line(judged.advice.model)} on {label(judged)}"


def one_line(text: str) -> str:
    """Return `text` without ends of lines and without spaces in a row."""
    return " ".join(text.split())


def clipped(text: str, width: int) -> str:
    """Return a line of at most `width` columns, what is left out marked by "…"."""
    line = one_line(text)
    return line if cell_len(line) <= width else set_cell_size(line, width - 1).rstrip() + "…"


def times(count: int) -> str:
    """Return how often something occurs: "once", "16 times"."""
    return "once" if count == 1 else f"{count} times"


def instead(finding: Finding) -> str:
    """Return the alternative that obeys the guideline, a dash where there is none."""
    found = finding.found.alternatives
    return found[0].text if found else MISSING


def ms_text(gain: Gain) -> str:
    """Return a gain in ms with its interval: "2.10 [1.90, 2.30]"."""
    if gain.ms_ci95 is None or gain.percent_ci95 is None:
        return significant(gain.ms)
    if not resolves_share(gain.percent_ci95):
        return f"{significant(gain.ms)} {NOT_RESOLVED}"
    return f"{significant(gain.ms)} {interval_text(gain.ms_ci95, significant, lambda _: True)}"


def with_unit(figure: str, unit: str) -> str:
    """Return a figure with its unit, which stands before what says that it is not resolved."""
    plain = figure.removesuffix(f" {NOT_RESOLVED}")
    return f"{figure} {unit}" if plain == figure else f"{plain} {unit}, {NOT_RESOLVED}"


def percent_text(gain: Gain) -> str:
    """Return a gain in percent of the whole network with its interval: "8.1 [7.3, 8.9]"."""
    # Adding 0.0 makes a negative zero positive.
    return f"{round(gain.percent, 1) + 0.0:.1f} {percents_text(gain.percent_ci95)}".rstrip()


def network_text(judged: Judged) -> str:
    """Return the whole network's time with its interval: "25.9 ms [25.6, 26.2]"."""
    return f"{significant(judged.ms)} ms {interval_text(judged.ms_ci95, significant)}".rstrip()


def headline(judged: Judged) -> str:
    """Return what an advice comes to in one clause."""
    found = costliest(judged)
    whole = f"{one_line(judged.advice.model)} on {label(judged)}: {significant(judged.ms)} ms"
    if found is None or found.gain is None:
        return f"{whole}; {_without_a_gain(judged)}"
    cost = f"{significant(found.gain.ms)} ms ({significant(found.gain.percent, 2)} %)"
    by = f"{one_line(found.found.title)}, {times(found.found.count)}"
    return f"{whole}; {found.found.guideline} costs most: {cost} by {by}"


def _without_a_gain(judged: Judged) -> str:
    if not judged.findings:
        seen = ", as far as it was looked at" if judged.advice.unseen else ""
        return f"it obeys all guidelines{seen}"
    if all(finding.gain is None for finding in judged.findings):
        return "it breaks guidelines, and nothing of that was measured"
    if any(finding.gain is None for finding in judged.findings):
        return "it breaks guidelines, and what was measured of that costs no time here"
    return "it breaks guidelines, and nothing of that costs time here"


def costs_line(judged: Judged) -> str:
    """Say what the whole network costs, before and after alternatives were put in."""
    advice, together = judged.advice, judged.together
    if together is None:
        return (
            f"Multiply-adds {millions(advice.multiply_adds)} M, weights "
            f"{millions(advice.weights)} M; nothing was applied that changes them."
        )
    return f"Multiply-adds {_change(together.multiply_adds)}, weights {_change(together.weights)}."


def _change(costs: tuple[int, int]) -> str:
    """Return a cost before and after: "137.0 → 140.2 M (+2.3 %)"."""
    before, after = costs
    percent = f" ({excess(after, before)})" if before else ""
    return f"{millions(before)} → {millions(after)} M{percent}"


def fused_line(judged: Judged) -> str:
    """Say which operators the runtime executes inside others."""
    fused = judged.advice.fused
    if fused is None:
        return "The runtime does not tell which operators it executes inside others."
    if not fused:
        return "The runtime executes every operator by itself."
    counts = ", ".join(f"{count} {one_line(operator)}" for operator, count in fused.items())
    return f"Fused into other operators, at no cost: {counts}."


def together_line(judged: Judged, together: Together) -> Said:
    """Say what was applied to the whole network, predicted and measured, and whether they agree."""
    which = _and([f"#{ranks(judged)[number]}" for number in together.findings])
    said, tone = _agreement(together)
    return Said(
        f"{which} in the whole network: gains add up to {_gain(together.predicted)}, measured are "
        f"{_gain(together.measured)}: {said}.",
        tone,
    )


def _gain(gain: Gain) -> str:
    return f"{with_unit(ms_text(gain), 'ms')} ({significant(gain.percent, 2)} %)"


def _agreement(together: Together) -> tuple[str, Tone]:
    if together.agrees is None:
        return "without intervals nothing says whether they agree", "open"
    if together.agrees:
        return "they agree", "good"
    return f"they do not agree; {NOT_ADDITIVE}", "bad"


def _and(items: Sequence[str]) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def nothing_applied(judged: Judged) -> str:
    """Say that no alternative was put into the whole network, and what that leaves open."""
    if costliest(judged) is None:
        return "Nothing was applied to the whole network."
    return "Nothing was applied to the whole network: whether gains add up was not measured."


def warnings(judged: Judged) -> list[str]:
    """Return what a reader must know before trusting the figures."""
    measured = [finding for finding in judged.findings if finding.gain]
    alone = judged.ms_ci95 is None or any(standing(one) == "undecided" for one in measured)
    return [ONE_PROCESS] if alone else []


def not_seen(judged: Judged) -> list[str]:
    """Return what was not looked at, and why, a sentence each."""
    return judged.advice.unseen or ["All layers were looked at."]
