"""From samples to gains: what is true is found, and nothing is found where nothing is."""

from __future__ import annotations

import numpy as np
import pytest

from guideline_benchmarks.guidelines.advice.applying import chosen_options
from guideline_benchmarks.guidelines.advice.declarations import WHOLE, cell, declared
from guideline_benchmarks.guidelines.advice.drafts import Option
from guideline_benchmarks.results.advice.judging import gain_of, judge
from guideline_benchmarks.results.advice.record import Advice, Alternative, Applied, Found, Timed
from guideline_benchmarks.results.record.cells import DerivedNetwork, Tensor
from tests.synthetic import run_of_declarations

TENSOR = (Tensor("x", (1, 3, 8, 8)),)


def network(name):
    return cell(name, DerivedNetwork("a network", name.ljust(64, "0"), TENSOR, TENSOR))


def timed(name):
    return Timed(inside=f"advice/{name} in/x1", around=f"advice/{name} around/x1")


def found(name, alternatives, count=1, guideline="G1"):
    return Found(
        guideline=guideline,
        title=f"layer {name}",
        why="So.",
        places=[[f"{name} {number}"] for number in range(count)],
        inputs=[[1, 3, 8, 8]],
        outputs=[[1, 3, 8, 8]],
        multiply_adds=100,
        memory_access_cost=100,
        memory_access_bound=90.0,
        weights=9,
        timed=timed(name),
        alternatives=alternatives,
    )


def alternative(name, in_place=False):
    return Alternative(
        text=f"as {name}", timed=timed(name), multiply_adds=100, weights=9, in_place=in_place
    )


NOTHING = Alternative(text="nothing", timed=Timed(), multiply_adds=0, weights=0, in_place=True)
FINDINGS = [
    found("a", [alternative("b"), alternative("c", in_place=True)], count=3),
    found("d", [NOTHING], guideline="G4"),
    found("e", [alternative("e2")]),
    found("f", [alternative("f2")]),
]
TRUE = {"a": 0.3, "b": 0.2, "c": 0.25, "d": 0.5, "e": 0.4, "e2": 0.4, "f": 0.1, "f2": 0.3}
AROUND, WHOLE_MS = 0.1, 10.0


def advice_of(findings, applied=None):
    return Advice(
        model="a network",
        multiply_adds=1000,
        weights=100,
        findings=findings,
        network=f"advice/{WHOLE}/x1",
        applied=applied,
    )


def true_ms(one):
    if one.row == WHOLE:
        return WHOLE_MS
    if one.row == "changed":
        return WHOLE_MS - 0.65
    name, _, where = one.row.rpartition(" ")
    return AROUND + (TRUE[name] if where == "in" else 0.0)


def run_with(names, noise=0.02, seed=0, failures=None, rounds=(10,) * 5):
    random = np.random.default_rng(seed)
    cells = [network(WHOLE), *[network(f"{n} {w}") for n in names for w in ("in", "around")]]
    return run_of_declarations(
        [declared(cells)],
        lambda one, *_: true_ms(one) * (1 + abs(noise * random.standard_normal())),
        rounds,
        failures=failures,
    )


def judged_of(findings=FINDINGS, **options):
    parts = run_with(TRUE, **options)
    return judge(advice_of(findings), parts, parts, None)


def test_gains_are_differences_of_layers_times_how_often_they_occur():
    judged = judged_of(noise=0.0)
    by_title = {one.found.title: one for one in judged.findings}
    first = by_title["layer a"]
    assert first.ms == pytest.approx(0.9)
    assert [one.gain.ms for one in first.tried] == pytest.approx([0.3, 0.15])
    assert first.gain.percent == pytest.approx(3.0)
    assert by_title["layer d"].gain.ms == pytest.approx(0.5)
    assert [one.found.title[-1] for one in judged.findings] == ["d", "a", "e", "f"]
    assert [one.verdict for one in judged.findings] == [
        "gain",
        "gain",
        "costs nothing here",
        "alternative is slower",
    ]


def test_what_is_true_lies_in_the_intervals_and_nothing_costs_nothing():
    for seed in range(5):
        by_title = {one.found.title[-1]: one for one in judged_of(seed=seed).findings}
        assert by_title["d"].verdict == by_title["a"].verdict == "gain"
        low, high = by_title["e"].gain.ms_ci95
        assert low < by_title["e"].gain.ms < high


def test_of_layers_that_differ_in_nothing_few_intervals_leave_0_out():
    """Samples of processes that differ by themselves, by as much as rounds do."""
    wrong, repetitions = 0, 300
    for seed in range(repetitions):
        random = np.random.default_rng(seed)

        def times(random=random):
            of_process = random.normal(1.0, 0.02, (5, 1))
            return of_process * (1 + abs(random.normal(0, 0.02, (5, 10))))

        saved = [a - b for a, b in zip(times(), times(), strict=True)]
        gain = gain_of(saved, [np.full(10, 10.0)] * 5, 1.0)
        low, high = gain.ms_ci95
        wrong += low > 0 or high < 0
    assert wrong / repetitions <= 0.08


def test_a_network_that_failed_its_proof_leaves_its_finding_unmeasured_with_the_reason():
    failures = {"advice/f2 in/x1": "its output is wrong"}
    last = judged_of(failures=failures).findings[-1]
    assert (last.found.title, last.verdict, last.gain) == ("layer f", "not measured", None)
    assert last.found.unmeasured == "its output is wrong"


def test_one_process_gives_figures_without_intervals():
    judged = judged_of(rounds=(10,))
    assert judged.ms_ci95 is None
    assert {one.gain.ms_ci95 for one in judged.findings} == {None}


def options_of(findings, touches=None):
    touches = touches or {}
    return [
        [
            Option(one.text, None, 0, 0, None, touches.get(number, frozenset()))
            for one in finding.alternatives
        ]
        for number, finding in enumerate(findings)
    ]


def test_what_stands_in_place_and_gains_is_chosen():
    judged = judged_of()
    assert chosen_options(judged.findings, options_of(FINDINGS)) == [(0, 1), (1, 0)]


def test_what_touches_the_same_is_chosen_together_or_not_at_all():
    findings = [
        found("a", [alternative("b", in_place=True)]),
        found("f", [alternative("f2", in_place=True)]),
    ]
    judged = judge(advice_of(findings), run_with(TRUE), run_with(TRUE), None)
    together = options_of(findings, {0: frozenset("vw"), 1: frozenset("wx")})
    assert chosen_options(judged.findings, together) == []
    apart = options_of(findings, {0: frozenset("v"), 1: frozenset("x")})
    assert chosen_options(judged.findings, apart) == [(0, 0)]


def test_what_was_put_in_together_is_compared_with_the_sum_of_its_gains():
    cells = [network(WHOLE), network("changed")]
    random = np.random.default_rng(1)
    whole = run_of_declarations(
        [declared(cells)], lambda one, *_: true_ms(one) * random.normal(1, 0.02)
    )
    applied = Applied(
        chosen=[(0, 1), (1, 0)],
        original=f"advice/{WHOLE}/x1",
        changed="advice/changed/x1",
        multiply_adds=900,
        weights=90,
        graph="0" * 64,
    )
    parts = run_with(TRUE, noise=0.01)
    together = judge(advice_of(FINDINGS, applied), parts, parts, whole).together
    assert together.predicted.ms == pytest.approx(0.65, abs=0.1)
    assert together.measured.ms == pytest.approx(0.65, abs=0.2)
    assert together.agrees
    # The finding of number 1 gains more, and so is listed first.
    assert together.findings == [1, 0]
    assert together.multiply_adds == (1000, 900)
    slower = applied.model_copy(update={"changed": f"advice/{WHOLE}/x1"})
    nothing = judge(advice_of(FINDINGS, slower), parts, parts, whole).together
    assert nothing.agrees is False
