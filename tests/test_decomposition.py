"""Shares of run time: exact where the truth is known, and honest about what is not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guideline_benchmarks.guidelines.runtime_decomposition import user_declaration
from guideline_benchmarks.reports.run.decomposition import rounded
from guideline_benchmarks.results.decomposition.attribution import (
    FIRST_PART,
    Written,
    added,
    shares,
)
from guideline_benchmarks.results.decomposition.shares import UNATTRIBUTED, decompose
from guideline_benchmarks.results.paper import read_csv
from guideline_benchmarks.results.record.cells import Given, UserNetwork
from guideline_benchmarks.results.tables.json_objects import (
    json_objects,
    part_objects,
    share_objects,
)
from guideline_benchmarks.results.tables.summary import summarise
from tests.program import slow_but_first
from tests.synthetic import EXECUTION, fig2_run, valid

MINE = UserNetwork("mine:net", Given(("1,3,8,8",)), input=(1, 3, 8, 8))
TOTAL = sum(ms for _, ms in EXECUTION)
TRUTH = {"Conv": 3.0, "Elemwise": 0.5, "Shuffle": 1.0, "Data": 0.3, "Other": 0.2}


def percents(run, depthwise="conv"):
    found = decompose(run, run.cells[0], depthwise)
    return {share.category: share.percent for share in found.categories}


@pytest.mark.parametrize(
    ("added_ms", "recorded_ms"), [(0.0, 0.0), (0.002, 0.0), (0.002, 0.0005), (0.05, 0.02)]
)
def test_what_the_profiler_adds_is_taken_off(added_ms, recorded_ms):
    found = percents(fig2_run(added_ms=added_ms, recorded_ms=recorded_ms, rounds=(2, 2)))
    for category, ms in TRUTH.items():
        assert found[category] == pytest.approx(100 * ms / TOTAL, abs=0.01)
    assert found[UNATTRIBUTED] == pytest.approx(0, abs=0.01)


def test_what_no_operator_accounts_for_is_shown():
    found = percents(fig2_run(gap_ms=TOTAL, rounds=(2, 2)))
    assert found[UNATTRIBUTED] == pytest.approx(50, abs=0.01)
    assert found["Conv"] == pytest.approx(100 * 3.0 / (2 * TOTAL), abs=0.01)
    assert sum(found.values()) == pytest.approx(100)


def test_operators_never_take_more_than_the_whole():
    found = percents(fig2_run(slow_down=1.5, rounds=(2, 2)))
    assert found[UNATTRIBUTED] == 0
    assert found["Conv"] == pytest.approx(100 * 3.0 / TOTAL, abs=0.1)
    assert sum(found.values()) == pytest.approx(100)


def test_depthwise_convolutions_move_as_asked():
    run = fig2_run(rounds=(2, 2))
    conv, elemwise = percents(run), percents(run, "elemwise")
    moved = 100 * 1.0 / TOTAL
    assert elemwise["Conv"] == pytest.approx(conv["Conv"] - moved, abs=0.01)
    assert elemwise["Elemwise"] == pytest.approx(conv["Elemwise"] + moved, abs=0.01)
    by_name = {share.category: share for share in decompose(run, run.cells[0], "conv").categories}
    assert by_name["Conv"].depthwise_percent == pytest.approx(moved, abs=0.01)
    assert by_name["Elemwise"].depthwise_percent == 0


def test_parts_sum_to_their_categories():
    found = decompose(fig2_run(noise=0.05), fig2_run().cells[0], "conv")
    for share in found.categories:
        own = [p.percent for p in found.parts if p.part.category.value == share.category]
        if own:
            assert sum(own) == pytest.approx(share.percent)
    assert [part.percent for part in found.parts] == sorted(
        (part.percent for part in found.parts), reverse=True
    )


times = st.floats(1e3, 1e9)


@given(
    st.integers(1, 5).flatmap(
        lambda parts: st.integers(1, 9).flatmap(
            lambda rounds: st.tuples(
                st.lists(
                    st.lists(times, min_size=rounds, max_size=rounds),
                    min_size=FIRST_PART + parts,
                    max_size=FIRST_PART + parts,
                ),
                st.lists(st.integers(1, 50), min_size=parts, max_size=parts),
                st.lists(st.integers(0, 99), min_size=parts, max_size=parts),
            )
        )
    )
)
def test_shares_are_fractions_of_one_whole(drawn):
    table, calls, recorded = drawn
    written = Written(np.array(calls, float), np.array(recorded, float))
    controls = Written(np.array([100.0, 40.0]), np.array([0.0, 320.0]))
    found = shares(np.array(table), written, controls)
    assert (found >= 0).all()
    assert (added(np.array(table), written, controls) >= 0).all()
    assert np.isfinite(found).all()


def test_what_the_scheduler_takes_away_moves_the_shares_little():
    run = fig2_run(rounds=(20,) * 3)
    content = run.model_dump()
    calm = percents(run)
    # The scheduler takes the core away for 4 ms, in each profile from another operator.
    for number, entry in enumerate(content["rounds"]):
        for profile in entry["profiles"]:
            if len(profile["operators_ns"]) == len(EXECUTION):
                profile["operators_ns"][number % len(EXECUTION)] += 4_000_000
    for entry in content["rounds"][::3]:
        entry["ns"] = [4_000_000 + ns for ns in entry["ns"]]
    disturbed = percents(valid(content))
    for category, percent in calm.items():
        assert disturbed[category] == pytest.approx(percent, abs=1.0)


@pytest.mark.parametrize("gap_ms", slow_but_first(0.1, 0.0, 1.0))
def test_intervals_cover_the_truth(gap_ms):
    covered = []
    for seed in range(30):
        run = fig2_run(noise=0.05, gap_ms=gap_ms, seed=seed)
        found = decompose(run, run.cells[0], "conv")
        for share in found.categories:
            truth = 100 * TRUTH.get(share.category, gap_ms) / (TOTAL + gap_ms)
            covered.append(share.percent_ci95[0] <= truth <= share.percent_ci95[1])
            assert 0 <= share.percent_ci95[0] <= share.percent <= share.percent_ci95[1] <= 100
    assert np.mean(covered) >= 0.92
    if gap_ms >= 1:
        assert np.mean(covered) <= 0.99


def test_one_process_gives_no_interval():
    found = decompose(fig2_run(rounds=(4,)), fig2_run().cells[0], "conv")
    assert all(share.percent_ci95 is None for share in found.categories)


def test_objects_are_those_of_the_contract():
    objects = json_objects(summarise(fig2_run()))
    names = {"ShuffleNet v1 1x g=3", "MobileNet v2 1x"}
    categories = ["Data", "Conv", "Shuffle", "Elemwise", "Other", "unattributed"]
    assert {entry["network"] for entry in objects} == names
    for name in names:
        own = [entry for entry in objects if entry["network"] == name]
        assert [entry["category"] for entry in own] == categories
        assert sum(entry["percent"] for entry in own) == pytest.approx(100)
        assert all(len(entry["percent_ci95"]) == 2 for entry in own)
        assert {entry["platform"] for entry in own} == {"cpu"}
        printed = {
            row["category"]: float(row["percent"])
            for row in read_csv("fig2_runtime_decomposition")
            if row["network"] == name and row["platform"] == "arm"
        }
        assert {
            e["category"]: e["paper_percent"] for e in own if e["paper_percent"] is not None
        } == (printed)
    (first, *_) = part_objects(summarise(fig2_run()))
    assert first["operator"] == "3×3 convolution"


def test_a_network_that_failed_has_no_figures():
    run = fig2_run(failures={"fig2/MobileNet v2 1x/x1": "it is broken"})
    (broken,) = [e for e in share_objects(summarise(run)) if e["network"] == "MobileNet v2 1x"]
    assert broken["failure"] == "it is broken"
    assert broken["percent"] is broken["category"] is None
    others = [e for e in share_objects(summarise(run)) if e["network"] != "MobileNet v2 1x"]
    assert sum(entry["percent"] for entry in others) == pytest.approx(100)


def test_without_the_control_nothing_is_claimed():
    run = fig2_run(failures={"control/profiler/x1": "no profiler"})
    assert {e["failure"] for e in share_objects(summarise(run))} == {"no profiler"}


def test_a_run_without_rounds_has_no_figures():
    run = valid(fig2_run(rounds=(1,)).model_dump() | {"rounds": []})
    assert [e["percent"] for e in share_objects(summarise(run))] == [None, None]


def test_a_network_of_the_users_has_no_published_figures():
    objects = share_objects(summarise(fig2_run(declaration=user_declaration("mine:net", MINE))))
    assert {entry["network"] for entry in objects} == {"mine:net"}
    assert {entry["paper_percent"] for entry in objects} == {None}


def test_records_that_contradict_themselves_are_refused():
    content = fig2_run(rounds=(1, 1)).model_dump()
    plain = [control for control in content["controls"] if not control["profiled"]]
    with pytest.raises(ValueError, match="without the controls"):
        valid(content | {"controls": plain})
    proofs = content["processes"][1]["proofs"]["fig2/MobileNet v2 1x/x1"]
    proofs["calls"] = [{**proofs["calls"][0], "operator": "Sigmoid"}, *proofs["calls"][1:]]
    with pytest.raises(ValueError, match="executed other operators"):
        valid(content)


def test_a_profile_must_belong_to_its_network():
    content = fig2_run(rounds=(1,)).model_dump()
    shorter = {**content["rounds"][0]["profiles"][0], "operators_ns": [1]}
    for profiles, says in (
        ([], "did not profile each"),
        ([shorter, *content["rounds"][0]["profiles"][1:]], "other operators"),
    ):
        changed = {**content, "rounds": [{**content["rounds"][0], "profiles": profiles}]}
        with pytest.raises(ValueError, match=says):
            valid(changed)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12).filter(lambda drawn: sum(drawn) > 0))
def test_printed_percentages_add_up(parts):
    percents = [100 * part / sum(parts) for part in parts]
    printed = rounded(percents)
    assert sum(printed) == pytest.approx(100.0, abs=1e-6)
    for percent, figure in zip(percents, printed, strict=True):
        assert abs(percent - figure) <= 0.1 + 1e-9
        assert f"{figure:g}" == f"{figure:.1f}".removesuffix(".0")
