"""Which alternatives go into the whole network together: those that stand in place, and pay."""

from __future__ import annotations

from collections.abc import Sequence

from guideline_benchmarks.guidelines.advice.drafts import Option
from guideline_benchmarks.results.advice.judged import Finding
from guideline_benchmarks.results.advice.judging import verdict_of

Choice = tuple[int, int]


def chosen_options(
    findings: Sequence[Finding], options: Sequence[Sequence[Option]]
) -> list[Choice]:
    """Return what to apply: numbers of findings, each with the number of an option of it.

    Of a finding the option in place that gains most, if its interval lies above 0. Of options that
    touch the same, all or none: all where they gain in sum. `options` are by a finding's number.
    """
    best: dict[int, tuple[int, float, bool]] = {}
    for finding in findings:
        for place, tried in enumerate(finding.tried):
            if tried.alternative.in_place:
                gain = tried.gain.ms
                if finding.number not in best or gain > best[finding.number][1]:
                    best[finding.number] = (place, gain, verdict_of(tried.gain) == "gain")
    chosen: list[Choice] = []
    for together in _linked({n: options[n][place].touches for n, (place, *_) in best.items()}):
        pays = any(best[number][2] for number in together)
        if pays and sum(best[number][1] for number in together) > 0:
            chosen += [(number, best[number][0]) for number in together]
    return sorted(chosen)


def _linked(touches: dict[int, frozenset[str]]) -> list[list[int]]:
    """Return numbers in groups, those in one of which touch the same, directly or by others."""
    groups: list[tuple[list[int], frozenset[str]]] = []
    for number, names in touches.items():
        near = [group for group in groups if group[1] & names]
        groups = [group for group in groups if not group[1] & names]
        members = [member for group, _ in near for member in group]
        groups.append(([*members, number], names.union(*(seen for _, seen in near))))
    return [sorted(members) for members, _ in groups]
