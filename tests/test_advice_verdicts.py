"""What is said of findings in every case: by their gains, or why they have none."""

from __future__ import annotations

import numpy as np
import pytest

from guideline_benchmarks.guidelines.advice.declarations import WHOLE, cell, declared, part_cells
from guideline_benchmarks.results.advice.json_object import advice_object
from guideline_benchmarks.results.advice.judged import Gain
from guideline_benchmarks.results.advice.judging import judge, verdict_of
from guideline_benchmarks.results.advice.ranking import costs_more, standing
from guideline_benchmarks.results.advice.record import Advice, Alternative, Applied, Found, Timed
from guideline_benchmarks.results.record.cells import DerivedNetwork, Tensor
from tests.synthetic import EXECUTION, fig2_run, run_of_declarations

WHOLE_MS = 10.0
# Each part in ms, of which its sources and what takes its outputs are 1 ms.
PARTS = {"own": 3.0, "less": 2.5, "more": 3.5, "equal": 3.0, "around": 1.0, "other": 1.2}


def network(row):
    return DerivedNetwork("net.onnx", row * 8, (Tensor("x", (1, 3, 8, 8)),), (Tensor("y", ()),))


CELLS = part_cells(network("whole"), {row: network(row) for row in PARTS})
NAMES = {each.row: each.name for each in CELLS}


def timed(inside, around="around"):
    return Timed(inside=NAMES[inside], around=NAMES[around])


def option(row, **more):
    """What takes as long as a part, or nothing at all."""
    time = timed(row) if row else Timed()
    return Alternative(text=row, timed=time, multiply_adds=900, weights=90, in_place=True, **more)


def finding(*rows, count=1, own="own", **more):
    return Found(
        guideline="G1",
        title="a layer",
        why="",
        places=[[f"{own}{place}"] for place in range(count)],
        inputs=[[1, 8, 8, 8]],
        outputs=[[1, 8, 8, 8]],
        multiply_adds=1000,
        memory_access_cost=1,
        memory_access_bound=None,
        weights=100,
        alternatives=[option(row) for row in rows],
        **{"timed": timed(own)} | more,
    )


def advice_of(*findings, **more):
    return Advice(
        model="net.onnx", multiply_adds=10_000, weights=1000, findings=list(findings),
        network=NAMES[WHOLE], **more,
    )  # fmt: skip


def run(times=None, cells=CELLS, noise=0.0, seed=0, **options):
    """A run in which parts take what PARTS says, unless told otherwise."""
    random = np.random.default_rng(seed)
    ms = {WHOLE: WHOLE_MS, **PARTS, **(times or {})}
    states = random.normal(0, noise, size=64)

    def time(one, process, _):
        if one.row not in ms:
            return 1.0
        return ms[one.row] * float(np.exp(states[process] + random.normal(0, noise)))

    return run_of_declarations([declared(cells)], time, **options)


def judged(*findings, parts=None, **more):
    return judge(advice_of(*findings, **more), run(), parts or run(), None)


@pytest.mark.parametrize(
    ("row", "count", "ms"),
    [("less", 1, 0.5), ("less", 2, 1.0), ("more", 3, -1.5), ("equal", 2, 0.0), ("", 2, 4.0)],
)
def test_a_gain_is_the_difference_of_two_differences(row, count, ms):
    (one,) = judged(finding(row, count=count)).findings
    assert one.ms == pytest.approx(count * 2.0)
    gain = one.gain
    assert gain.ms == pytest.approx(ms)
    assert gain.percent == pytest.approx(100 * ms / WHOLE_MS)
    assert gain.ms_ci95 == pytest.approx((ms, ms))
    assert gain.percent_ci95 == pytest.approx((100 * ms / WHOLE_MS,) * 2)
    assert one.tried[0].gain == gain
    verdicts = {1: "gain", -1: "alternative is slower", 0: "costs nothing here"}
    assert one.verdict == verdict_of(gain) == verdicts[int(np.sign(ms))]


def test_all_ms_are_shares_of_what_the_network_takes_by_itself():
    """Among its parts everything takes half as long again: the shares are what they were."""
    slower = {row: 1.5 * ms for row, ms in {WHOLE: WHOLE_MS, **PARTS}.items()}
    found = judged(finding("less"), parts=run(slower))
    assert found.ms == pytest.approx(WHOLE_MS)
    (one,) = found.findings
    assert one.ms == pytest.approx(2.0)
    assert one.gain.ms == pytest.approx(0.5)
    assert one.gain.ms_ci95 == pytest.approx((0.5, 0.5))
    assert one.gain.percent == pytest.approx(100 * one.gain.ms / found.ms)


def test_what_stands_around_an_alternative_is_its_own():
    instead = Alternative(text="", timed=timed("less", "other"), multiply_adds=0, weights=0)
    (one,) = judged(finding("less").model_copy(update={"alternatives": [instead]})).findings
    assert one.gain.ms == pytest.approx((3.0 - 1.0) - (2.5 - 1.2))


def test_the_first_alternative_decides_and_gains_come_first():
    found = judged(
        finding("more", "less"), finding("less", "more"), finding("equal"), finding("less", count=2)
    ).findings
    assert [one.number for one in found] == [3, 1, 2, 0]
    assert [one.verdict for one in found] == [
        "gain", "gain", "costs nothing here", "alternative is slower",
    ]  # fmt: skip
    assert [tried.gain.ms for tried in found[1].tried] == pytest.approx([0.5, -0.5])


def test_one_process_has_no_interval():
    found = judge(
        advice_of(finding("less"), finding("more")), run(rounds=(20,)), run(rounds=(20,)), None
    )
    assert found.ms_ci95 is None
    assert [one.gain.ms_ci95 for one in found.findings] == [None, None]
    assert [one.gain.percent_ci95 for one in found.findings] == [None, None]
    # The sign decides, and reports say that nothing is decided.
    assert [one.verdict for one in found.findings] == ["gain", "alternative is slower"]
    assert [standing(one) for one in found.findings] == ["undecided", "undecided"]


@pytest.mark.parametrize("failed", ["own", "less", "around"])
def test_a_part_that_failed_is_not_measured_and_says_why(failed):
    parts = run(failures={NAMES[failed]: "it crashed"})
    (one,) = judged(finding("less"), parts=parts).findings
    assert (one.verdict, one.ms, one.gain, one.tried) == ("not measured", None, None, ())
    assert one.found.unmeasured == "it crashed"


def test_a_network_that_failed_among_its_parts_measures_nothing():
    parts = run(failures={NAMES[WHOLE]: "it crashed"})
    (one,) = judged(finding("less"), parts=parts).findings
    assert (one.verdict, one.found.unmeasured) == ("not measured", "it crashed")


def test_what_could_not_be_cut_stays_a_finding_without_any_run_of_parts():
    left = finding(timed=Timed(), unmeasured="no convolution could stand there")
    for parts in (None, run()):
        (one,) = judge(advice_of(left), run(), parts, None).findings
        assert one.verdict == "not measured"
        assert one.found.unmeasured == "no convolution could stand there"


def test_before_parts_are_measured_nothing_is_judged_of_them():
    (one,) = judge(advice_of(finding("less")), run(), None, None).findings
    assert (one.verdict, one.gain) == ("not measured", None)
    assert one.found.unmeasured == "its layers were not measured yet"


def test_costs_are_of_the_whole_network_with_all_places_changed():
    found = advice_object(judged(finding("less", "", count=3)))
    assert [one["multiply_adds"] for one in found["findings"][0]["alternatives"]] == [
        {"before": 10_000, "after": 9_700},
    ] * 2
    assert found["findings"][0]["alternatives"][0]["weights"] == {"before": 1000, "after": 970}


def applied(chosen, changed_ms, noise=0.0, rounds=(20,) * 5, failures=None):
    """What is said of a network with alternatives put in, which then takes so long."""
    cells = [cell(WHOLE, network("whole")), cell("changed", network("changed"))]
    whole = run({"changed": changed_ms}, cells, noise, rounds=rounds, failures=failures)
    record = Applied(
        chosen=chosen, original=cells[0].name, changed=cells[1].name, multiply_adds=9_000,
        weights=950, graph="0" * 64,
    )  # fmt: skip
    advice = advice_of(
        finding("less", count=2), finding("more", "less", own="equal"), applied=record
    )
    return judge(advice, run(rounds=rounds), run(rounds=rounds, noise=noise), whole).together


@pytest.mark.parametrize(
    ("changed_ms", "rounds", "agrees"),
    [(9.0, (20,) * 5, True), (8.0, (20,) * 5, False), (9.0, (20,), None)],
)
def test_it_agrees_where_the_intervals_meet(changed_ms, rounds, agrees):
    assert applied([(0, 0)], changed_ms, 0.002, rounds).agrees is agrees


def test_a_changed_network_that_failed_says_nothing():
    failures = {cell("changed", network("changed")).name: "it crashed"}
    assert applied([(0, 0)], 9.0, failures=failures) is None


def test_what_costs_more_does_so_with_its_whole_interval():
    sure, unsure, none = finding("less"), finding("less"), finding(unmeasured="no")
    found = judged(sure, none)
    assert [one.number for one in costs_more(found, 4.9)] == [0]
    assert costs_more(found, 5.1) == []
    noisy = judged(unsure, parts=run(noise=0.05))
    (one,) = noisy.findings
    assert one.gain.percent_ci95[0] < 4.9
    assert costs_more(noisy, 4.9) == []
    alone = judge(advice_of(sure), run(rounds=(20,)), run(rounds=(20,)), None)
    assert len(costs_more(alone, 4.9)) == 1


@pytest.mark.parametrize(
    ("interval", "verdict"),
    [
        ((0.1, 2.0), "gain"),
        ((-0.1, 2.0), "costs nothing here"),
        ((0.0, 2.0), "costs nothing here"),
        ((-2.0, -0.1), "alternative is slower"),
    ],
)
def test_the_interval_decides_and_not_its_middle(interval, verdict):
    assert verdict_of(Gain(1.0, interval, 10.0, None)) == verdict


def test_operators_are_shown_in_order_and_belong_to_their_findings():
    profiled = declared([cell(WHOLE, network("whole"), profiled=True)])
    executed = ["own0", "own1", "elsewhere", *[""] * 4, "last"]
    advice = advice_of(finding("less", count=2), finding("more"), executed=executed)
    found = judge(advice, fig2_run(declaration=profiled, slow_down=2.0), run(), None)
    runtimes = [operation.operator for operation, _ in EXECUTION]
    assert [one.operator for one in found.segments] == runtimes
    assert [one.name for one in found.segments] == executed
    assert [one.findings for one in found.segments] == [(0, 1), (0,), *[()] * 6]
    # The profiler slows all operators: in sum they take no longer than the whole.
    assert sum(one.ms for one in found.segments) == pytest.approx(found.ms)
    assert found.segments[0].ms == pytest.approx(2.0, rel=0.01)
    quick = judge(advice, fig2_run(declaration=profiled, slow_down=0.5), run(), None)
    assert quick.segments[0].ms == pytest.approx(1.0, rel=0.01)
    assert judge(advice, run(), run(), None).segments == []
