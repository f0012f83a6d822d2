"""What tells entrants of a comparison apart, and what flips between them."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from guideline_benchmarks.guidelines.catalogue import GUIDELINES
from guideline_benchmarks.reports.compare import comparison as shown
from guideline_benchmarks.reports.compare.flips import (
    MOST,
    MOST_OF_MANY,
    flip_objects,
    flip_section,
)
from guideline_benchmarks.results.compare.agreement import reversals
from guideline_benchmarks.results.compare.comparison import Comparison, compare
from guideline_benchmarks.results.compare.entrants import recorded
from guideline_benchmarks.results.compare.flips import flips, flips_of
from guideline_benchmarks.results.record.cells import NetworkChoice
from guideline_benchmarks.results.statistics.verdict import judge
from guideline_benchmarks.results.tables.metric import Standing
from tests.synthetic import counted_run, noisy, run_of

G2 = GUIDELINES["g2"].experiment
ROWS = list(dict.fromkeys(cell.row for cell in GUIDELINES["g2"].cells(NetworkChoice())))


def timed(truth=lambda c: float(c.axes.get("groups", 2)), precision="fp32", **platform):
    run = run_of(["g2"], noisy(truth, noise=0.002), **platform)
    protocol = run.protocol.model_copy(update={"precision": precision})
    return run.model_copy(update={"protocol": protocol})


def of_backend(run, backend):
    changed = run.platform.model_copy(update={"backend": backend})
    return run.model_copy(update={"platform": changed})


MEASURED = recorded("a", timed())


def entrant(label, intervals):
    """An entrant with one column of Table 2, whose rows have these intervals."""
    standings = {
        (G2.name, row, 1): Standing(sum(interval) / 2, interval, None)
        for row, interval in zip(ROWS, [(1.0, 1.0), *intervals], strict=True)
    }
    verdicts = {(G2.name, 1): judge(intervals, G2.slower).value}
    return replace(MEASURED, label=label, standings=standings, verdicts=verdicts)


def beside(*entrants):
    return Comparison(entrants, [G2], [])


@pytest.fixture
def runs():
    faster = timed(lambda c: 1 / float(c.axes.get("groups", 2)))
    return {"slower": timed(), "faster": of_backend(faster, "torch-cpu")}


def test_entrants_say_what_their_networks_ran_with():
    found = compare(
        [
            recorded("a", timed()),
            recorded("b", timed(threads=2)),
            recorded("c", timed(precision="bf16")),
            recorded("d", timed(precision="bf16", threads=2)),
        ]
    ).entrants
    assert [one.label for one in found] == [
        "cpu",
        "cpu, 2 threads",
        "cpu, bf16",
        "cpu, 2 threads, bf16",
    ]
    assert [(one.runtime, one.threads, one.precision) for one in found] == [
        ("ONNX Runtime", 1, "fp32"),
        ("ONNX Runtime", 2, "fp32"),
        ("ONNX Runtime", 1, "bf16"),
        ("ONNX Runtime", 2, "bf16"),
    ]


def test_platforms_of_one_name_are_told_apart_by_their_runtimes(runs):
    found = compare([recorded(name, run) for name, run in runs.items()]).entrants
    assert [one.label for one in found] == ["cpu, ONNX Runtime", "cpu, PyTorch"]


def test_a_backend_of_elsewhere_is_called_by_its_own_name():
    assert recorded("a", of_backend(timed(), "tvm")).runtime == "tvm"


def test_axes_are_on_the_page_on_the_terminal_in_json_and_in_the_csv(runs, tmp_path):
    compared = compare([recorded("a", timed()), recorded("b", timed(threads=2, precision="fp16"))])
    page = shown.write_comparison(compared, tmp_path)
    out = io.StringIO()
    shown.print_comparison(compared, Console(file=out, width=120))
    assert "cpu, 2 threads, fp16" in out.getvalue()
    assert "| cpu, 2 threads, fp16 | ONNX Runtime | 2 | fp16 |" in (
        page.with_suffix(".md").read_text()
    )
    last = shown.comparison_object(compared)["cells"][-1]
    assert (last["runtime"], last["threads"], last["precision"]) == ("ONNX Runtime", 2, "fp16")
    heading, first, *_ = (tmp_path / "compare.csv").read_text().splitlines()
    assert heading.split(",")[2:5] == ["runtime", "threads", "precision"]
    assert first.split(",")[2:5] == ["ONNX Runtime", "1", "fp32"]


def test_a_verdict_and_rows_flip_between_opposite_truths(runs):
    compared = compare([recorded(name, run) for name, run in runs.items()])
    found = flips(compared)
    assert {flip.verdicts for flip in found} == {("holds", "reversed")}
    assert sorted(flip.scale for flip in found) == compared.scales(G2)
    # g=1, 2, 4 and 8: all six pairs of a column.
    assert {len(flip.turns) for flip in found} == {6}
    clearest = found[0].turns[0]
    assert {clearest.first[1], clearest.second[1]} == {"g=1", "g=8"}
    assert clearest.factor == pytest.approx(8, rel=0.05)


def test_no_flip_between_counts_or_the_paper_and_what_was_measured():
    compared = compare([recorded("a", timed()), recorded("b", counted_run(["g2"], lambda _: 9))])
    assert flips(compared) == []
    section = flip_section(compared, brief=True)
    assert section.lines == ["Nothing can be shown to flip without two runs with intervals."]


def test_that_nothing_flips_is_one_sentence():
    section = flip_section(compare([recorded("a", timed()), recorded("b", timed())]), brief=False)
    assert (len(section.lines), section.tables) == (1, ())
    assert section.lines[0].startswith("Nothing flips: ")


def test_the_terminal_has_the_most_telling_and_counts_the_rest(runs):
    many = [recorded(name, run) for name, run in runs.items() for _ in range(2)]
    compared = compare(many)
    whole, brief = (flip_section(compared, short) for short in (False, True))
    assert len(whole.tables[0].rows) == 12
    assert len(brief.tables[0].rows) == MOST
    assert brief.notes[0].startswith("4 more")
    assert "(and 5 more)" in brief.tables[0].rows[0][-1]
    assert whole.tables[0].rows[0][-1].count("→") == 6


def test_each_column_is_among_the_most_telling_of_many_boards(runs):
    slower, faster = (recorded(name, run) for name, run in runs.items())
    boards = [replace(slower, label="other")]
    boards += [replace(faster, label=f"board-{number}") for number in range(MOST_OF_MANY // 2)]
    compared = compare(boards)
    found = len(flips(compared))
    assert found > MOST_OF_MANY
    whole, brief = (flip_section(compared, short) for short in (False, True))
    for section, most in ((whole, MOST_OF_MANY), (brief, MOST)):
        rows = section.tables[0].rows
        assert len(rows) == most
        assert len({row[0] for row in rows[:3]}) == 3
        # The page has not all of them either.
        assert section.notes[0].startswith(f"{found - most} more")
        assert "--json" in section.notes[0]


def test_the_most_telling_verdict_is_first():
    holding = entrant("a", [(0.7, 0.8), (0.5, 0.6), (0.3, 0.4)])
    negligible = entrant("b", [(0.99, 1.01)] * 3)
    opposite = entrant("c", [(1.2, 1.3), (1.5, 1.6), (1.8, 1.9)])
    found = flip_objects(beside(holding, negligible, opposite))
    assert [one["verdicts"] for one in found] == [
        ["holds", "reversed"],
        ["holds", "no effect within ±3 %"],
        ["no effect within ±3 %", "reversed"],
    ]


def test_a_verdict_that_only_overlapping_rows_set_apart_does_not_flip():
    one = entrant("a", [(0.90, 0.99), (0.5, 0.6), (0.3, 0.4)])
    other = entrant("b", [(0.90, 1.05), (0.7, 0.8), (0.3, 0.4)])
    assert [*one.verdicts.values(), *other.verdicts.values()] == ["holds", "holds at the extreme"]
    assert flips(beside(one, other)) == []


def test_an_undecided_verdict_does_not_flip():
    one = entrant("a", [(0.7, 0.8), (0.5, 0.6), (0.3, 0.4)])
    other = entrant("b", [(0.7, 0.8), (0.5, 0.6), (0.9, 1.2)])
    assert list(other.verdicts.values()) == ["undecided"]
    assert all(flip.verdicts is None for flip in flips(beside(one, other)))


ENDS = st.floats(0.2, 5.0)
INTERVALS = st.lists(
    st.tuples(ENDS, ENDS).map(lambda ends: (min(ends), max(ends))), min_size=3, max_size=3
)
# A tenth around a value, so that many do not overlap.
NARROW = st.lists(ENDS.map(lambda at: (0.95 * at, 1.05 * at)), min_size=3, max_size=3)
ANY = INTERVALS | NARROW


@given(ANY, ANY)
def test_a_flip_is_symmetric(ours, theirs):
    one, other = entrant("a", ours), entrant("b", theirs)
    there, back = flips_of(one, other, [G2]), flips_of(other, one, [G2])
    assert [f.verdicts for f in there] == [f.verdicts and f.verdicts[::-1] for f in back]
    assert [{(t.first, t.second, t.factor) for t in f.turns} for f in there] == [
        {(t.second, t.first, t.factor) for t in f.turns} for f in back
    ]


@given(ANY)
def test_nothing_flips_between_a_run_and_itself(intervals):
    assert flips(beside(entrant("a", intervals), entrant("b", intervals))) == []


@given(INTERVALS, st.data())
def test_intervals_that_overlap_never_flip(intervals, data):
    overlapping = [
        (data.draw(st.floats(0.1, high)), data.draw(st.floats(high, 6.0))) for _, high in intervals
    ]
    found = flips(beside(entrant("a", intervals), entrant("b", overlapping)))
    assert all(flip.verdicts is None for flip in found)
    # Of two rows that turn, one at least lies elsewhere in the other run.
    assert not any(flip.turns for flip in found)


@given(ANY, ANY)
def test_as_many_rows_turn_as_are_reversed(ours, theirs):
    one, other = entrant("a", ours), entrant("b", theirs)
    turned = sum(len(flip.turns) for flip in flips(beside(one, other)))
    assert (turned,) == reversals(one, other)[:1]
