"""Platforms side by side: what is compared, what is left out and why, and what it looks like."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest
from rich.console import Console

from guideline_benchmarks.guidelines.catalogue import GUIDELINES
from guideline_benchmarks.reports.compare import comparison as shown
from guideline_benchmarks.reports.compare.heat_map import heat_map
from guideline_benchmarks.results.compare.agreement import rank_agreement, rank_agreements
from guideline_benchmarks.results.compare.comparison import compare
from guideline_benchmarks.results.compare.entrants import published, recorded
from guideline_benchmarks.results.paper import read_csv
from guideline_benchmarks.results.record.cells import NetworkChoice
from tests.synthetic import counted_run, fig2_run, noisy, run_of, valid


def timed(experiments=("g2", "g4"), truth=lambda c: float(c.axes.get("groups", 2)), **options):
    return run_of(list(experiments), noisy(truth, noise=0.002), **options)


def lay_side_by_side(runs):
    experiments = {declaration.name: declaration.experiment for declaration in GUIDELINES.values()}

    def entrant(name, run):
        if run is not None:
            return recorded(name, run)
        choice = NetworkChoice(channels=name.removeprefix("paper:"))
        cells = [cell for declaration in GUIDELINES.values() for cell in declaration.cells(choice)]
        return published(name, experiments, cells)

    return compare([entrant(name, run) for name, run in runs.items()])


def named(run, platform):
    changed = run.platform.model_copy(update={"name": platform})
    return run.model_copy(update={"platform": changed})


def test_runs_and_the_papers_platforms_stand_side_by_side():
    compared = lay_side_by_side({"a": timed(), "paper:gpu": None, "paper:arm": None})
    assert [e.label for e in compared.entrants] == ["cpu", "paper:gpu", "paper:arm"]
    assert [e.name for e in compared.experiments] == ["g2", "g4"]
    key = ("g2", "g=8", 1)
    assert compared.entrants[0].standings[key].relative == pytest.approx(1 / 8, rel=0.02)
    gpu = {
        (f"g={row['groups']}", int(row["scale"])): float(row["speed"])
        for row in read_csv("table2_g2_group_count")
        if row["platform"] == "gpu"
    }
    assert compared.entrants[1].standings[key].relative == pytest.approx(
        gpu["g=8", 1] / gpu["g=1", 1]
    )
    assert compared.entrants[1].verdicts["g2", 1] == "holds"


def test_absolute_speeds_stay_within_a_channel_set_and_unit():
    gpu = named(timed(channels="gpu", unit="batches/s"), "cuda")
    compared = lay_side_by_side({"a": timed(), "b": gpu, "paper:gpu": None, "paper:arm": None})
    groups = [[e.label for e in group] for group in compared.speed_groups]
    assert groups == [["cpu", "paper:arm"], ["cuda", "paper:gpu"]]
    alone = lay_side_by_side({"a": timed(), "paper:gpu": None})
    assert alone.speed_groups == []
    assert any("Absolute speeds of cpu, paper:gpu are left out" in s for s in alone.left_out)
    assert any("two sets of widths" in said for said in alone.left_out)


def test_absolute_speeds_stay_within_a_batch():
    eight = timed(channels="gpu", unit="batches/s")
    eight = eight.model_copy(update={"protocol": eight.protocol.model_copy(update={"batch": 8})})
    compared = lay_side_by_side({"b": named(eight, "cuda"), "paper:gpu": None})
    assert compared.speed_groups == []


def test_counts_are_marked_and_have_no_speed_and_no_verdict():
    compared = lay_side_by_side({"a": timed(), "b": counted_run(["g2"], lambda _: 10**6)})
    counted = compared.entrants[1]
    assert counted.kind == "counted"
    assert all(standing.speed is None for standing in counted.standings.values())
    assert {v[0] for v in counted.verdicts.values()} <= {"τ", "u"}
    assert shown.marked(counted) == "arm-emulated †"
    assert any("no time was measured" in said for said in compared.left_out)
    assert any("has no figures of g4" in said for said in compared.left_out)


def test_table_4_of_another_unit_is_left_out():
    other = timed()
    g2, g4 = other.experiments
    wide = replace(g4, reading={"unit": "equal-width"})
    other = named(other.model_copy(update={"experiments": [g2, wide]}), "other")
    compared = lay_side_by_side({"a": timed(), "b": other})
    assert not any(key[0] == "g4" for key in compared.entrants[1].standings)
    assert any("Table 4 of other is left out" in said for said in compared.left_out)


def test_the_papers_two_platforms_can_be_compared_alone():
    compared = lay_side_by_side({"paper:gpu": None, "paper:arm": None})
    assert [e.name for e in compared.experiments] == ["g1", "g2", "g3", "g4"]
    assert rank_agreement(*compared.entrants) > 0.5


def test_a_decomposition_alone_is_left_out():
    compared = lay_side_by_side({"a": timed(), "b": fig2_run()})
    assert len(compared.entrants) == 1
    assert any("no table to compare" in said for said in compared.left_out)


def test_runs_of_one_platform_are_told_apart():
    run = timed()
    later = valid(
        run.model_dump() | {"sessions": [{**run.sessions[0].model_dump(), "started": "2026-02-01"}]}
    )
    labels = [e.label for e in lay_side_by_side({"a": run, "b": later, "c": later}).entrants]
    assert len(set(labels)) == 3
    assert all(label.startswith("cpu 2026-0") for label in labels)


def test_rank_agreement_is_1_with_itself_and_minus_1_with_the_reverse():
    same = lay_side_by_side({"a": timed(["g2"]), "b": timed(["g2"])}).entrants
    assert rank_agreement(*same) == pytest.approx(1)
    reverse = timed(["g2"], lambda c: 1 / float(c.axes.get("groups", 2)))
    assert rank_agreement(*lay_side_by_side({"a": timed(["g2"]), "b": reverse}).entrants) == -1
    apart = lay_side_by_side({"a": timed(["g2"]), "b": timed(["g4"])})
    assert list(rank_agreements(apart).values()) == [None]


def test_it_is_written_and_printed_whole(tmp_path):
    compared = lay_side_by_side(
        {"a": timed(), "b": counted_run(["g2"], lambda _: 10**6), "paper:arm": None}
    )
    page = shown.write_comparison(compared, tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == {
        "compare.html",
        "compare.md",
        "compare.csv",
        "heatmap.png",
        "heatmap.svg",
    }
    assert "http" not in page.read_text().replace("http://www.w3.org", "")
    lines = list(csv.DictReader(io.StringIO((tmp_path / "compare.csv").read_text())))
    assert len(lines) == sum(len(entrant.standings) for entrant in compared.entrants)
    assert lines[0]["ci95_low"] != ""
    out = io.StringIO()
    shown.print_comparison(compared, Console(file=out, width=80))
    for word in ("Rank agreement", "paper:arm ‡", "arm-emulated †", "g=8, ×4", "holds"):
        assert word in out.getvalue()


@pytest.mark.parametrize("many", [1, 20])
def test_heat_maps_hold_any_number_of_platforms(many):
    runs = {str(number): timed(["g2"]) for number in range(many)}
    figure = heat_map(lay_side_by_side(runs))
    assert len(figure.axes[0].get_xticklabels()) == many


def test_many_platforms_have_a_line_each_and_a_terminal_gets_what_they_come_to(tmp_path):
    def truth(power):
        return lambda cell: float(cell.axes.get("groups", 2)) ** power

    runs = {f"r{k}": named(timed(truth=truth(k % 3 - 1)), f"board-{k:02d}") for k in range(20)}
    comparison = lay_side_by_side(runs)
    page = shown.write_comparison(comparison, tmp_path).read_text()
    assert page.count("board-07") >= 5
    markdown = (tmp_path / "compare.md").read_text()
    # Each is a line of the verdicts, of each table of relative speeds, and of absolute ones.
    assert sum(line.startswith("| board-07 |") for line in markdown.splitlines()) == 5
    console = Console(width=120, record=True, file=io.StringIO())
    shown.print_comparison(comparison, console)
    said = console.export_text()
    assert "How many columns of each guideline say what" in said
    assert max(map(len, said.splitlines())) <= 120
    assert "board-19" in said
