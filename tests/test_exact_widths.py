"""The channel set `exact`: its widths, and reports of networks that the paper has no figures of."""

from __future__ import annotations

import pytest
import torch

from guideline_benchmarks.guidelines.catalogue import EXPERIMENTS, GUIDELINES, select
from guideline_benchmarks.guidelines.session.options import Options
from guideline_benchmarks.guidelines.session.planning import plan
from guideline_benchmarks.guidelines.session.stored import declared
from guideline_benchmarks.networks.cost import cost
from guideline_benchmarks.reports.run.brief import brief_document
from guideline_benchmarks.reports.run.document import document
from guideline_benchmarks.reports.run.plots import plot
from guideline_benchmarks.reports.run.report import write_report
from guideline_benchmarks.results.errors import BadInputError
from guideline_benchmarks.results.record.cells import NetworkChoice
from guideline_benchmarks.results.tables.json_objects import json_objects
from guideline_benchmarks.results.tables.summary import summarise
from tests.synthetic import counted_run, noisy, run_of, valid
from tests.synthetic_gpu import gpu_run
from tests.test_networks import build_on_meta

EXACT = NetworkChoice(channels="exact")
CELLS = {cell.name: cell for name in ("g1", "g2", "g3") for cell in GUIDELINES[name].cells(EXACT)}
RATIOS = {"g1": {"1:1", "1:4", "1:16"}, "g2": {"g=1", "g=4", "g=16"}}


def counted(cell):
    """Every convolution of a cell's network, and its multiply-adds by the suite's own counting."""
    with torch.device("meta"):
        module = build_on_meta(cell.network)
        found = cost(module, cell.network.input_shape)
    return [m for m in module.modules() if isinstance(m, torch.nn.Conv2d)], found.multiply_adds


def test_there_are_three_scales_of_each_row():
    rows = {name: {c.row for c in CELLS.values() if c.experiment == name} for name in RATIOS}
    assert rows == RATIOS
    assert len(CELLS) == 9 + 9 + 15
    assert {cell.scale for cell in CELLS.values()} == {1, 2, 4}
    assert not any(cell.published for cell in CELLS.values())


@pytest.mark.parametrize("name", CELLS)
def test_widths_are_multiples_of_8_and_multiply_adds_the_base_cells(name):
    cell = CELLS[name]
    base = CELLS[f"{cell.experiment}/{EXPERIMENTS[cell.experiment].experiment.base}/x{cell.scale}"]
    convolutions, multiply_adds = counted(cell)
    assert len(convolutions) == cell.operators.convolutions
    assert multiply_adds == counted(base)[1]
    for convolution in convolutions:
        for width in (convolution.in_channels, convolution.out_channels):
            assert width % 8 == 0
            assert (width // convolution.groups) % 8 == 0


def test_all_is_what_has_exact_widths():
    assert [one.name for one in select(["all"], "exact")] == ["g1", "g2", "g3"]
    assert [one.name for one in select(["all"], "arm")] == ["g1", "g2", "g3", "g4"]
    assert [one.name for one in select(["g2"], "exact")] == ["g2"]


@pytest.mark.parametrize("name", sorted(EXPERIMENTS.keys() - {"g1", "g2", "g3"}))
def test_other_experiments_are_refused_in_one_sentence(name):
    with pytest.raises(BadInputError, match=f"is for g1, g2, g3.*measure {name} with"):
        select([name], "exact")


def test_a_plan_says_that_the_paper_has_no_such_table():
    asked = plan(select(["all"], "exact"), "cpu", Options(channels="exact"))
    assert asked.protocol.channels == "exact"
    assert [cell.name for cell in asked.cells] == [*CELLS]
    assert all("the paper has no such table" in one.notes[-1] for one in asked.experiments)
    usual = plan(select(["g1"]), "cpu", Options())
    assert usual.experiments == [GUIDELINES["g1"].experiment]


RUNS = {
    "measured": lambda: run_of(["g1", "g2", "g3"], noisy(lambda _: 1.0), channels="exact"),
    "of a GPU": lambda: with_exact_widths(gpu_run(["g1", "g2", "g3"], lambda *_: 1.0)),
    "counted": lambda: counted_run(["g1", "g2", "g3"], lambda _: 10**6, channels="exact"),
}


def with_exact_widths(run):
    """A run that says it is of the set, without published figures; its rows are the paper's."""
    content = run.model_dump()
    content["protocol"]["channels"] = "exact"
    for cell in content["cells"]:
        cell["published"] = None
    return valid(content)


@pytest.mark.parametrize("kind", RUNS)
def test_nothing_stands_where_the_papers_figures_would(kind, tmp_path):
    run = RUNS[kind]()
    assert run.label.endswith(", exact widths")
    summary = summarise(run)
    for told in (document(summary), brief_document(summary)):
        tables = [table for section in told.sections for table in section.tables]
        headings = [heading.title for table in tables for heading in table.headings]
        assert not any("paper" in heading for heading in headings)
        assert not any("paper" in table.caption for table in tables)
        assert not any("paper" in text for _, text in told.facts)
        assert "undefined" not in str(told.sections)
    for experiment in summary.experiments:
        (legend,) = plot(summary, experiment).legends
        assert "paper" not in legend.get_title().get_text()
    assert {one["paper_speed"] for one in json_objects(summary)} == {None}
    write_report(summary, tmp_path)
    assert "exact widths" in (tmp_path / "report.html").read_text()


def test_a_record_that_claims_to_be_old_adds_nothing_to_exact_widths():
    run = with_exact_widths(run_of(["g4"], noisy(lambda _: 1.0)))
    assert declared(run) == run
