"""The whole paper: every table and figure is accounted for, and measured part by part."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from guideline_benchmarks.guidelines.catalogue import EXPERIMENTS, GUIDELINES
from guideline_benchmarks.guidelines.paper.coverage import coverage_lines, coverage_section, items
from guideline_benchmarks.guidelines.paper.parts import EXACT, LARGE, OPERATORS, PARTS
from guideline_benchmarks.guidelines.session import paper, runs
from guideline_benchmarks.guidelines.session.options import Options
from guideline_benchmarks.guidelines.session.paper import measure_paper
from guideline_benchmarks.reports.formats.pipe_tables import markdown_table
from guideline_benchmarks.results.errors import BadInputError, PlatformError
from guideline_benchmarks.results.paper import FOLDER
from guideline_benchmarks.results.statistics.stopping import complete
from guideline_benchmarks.results.store import run_folders
from guideline_benchmarks.runners.schedule import rounds_per_process
from tests.synthetic import fig2_run, noisy, run_of_declarations

ROOT = Path(__file__).parent.parent
# Those with few networks, so that reports of them are written in no time.
SOME = (OPERATORS, LARGE)
ASKED = [*(part.name for part in SOME), EXACT.name]


class Machine:
    """Measures nothing: it stores runs by a formula, notes what it was asked for, and may fail."""

    def __init__(self):
        self.asked = {}
        self.fails = set()

    def execute(self, plan, folder, resume, *_):
        earlier = runs.earlier_run(plan, folder, resume)
        if earlier is not None and complete(earlier):
            return earlier
        self.asked[folder.name] = plan
        if folder.name in self.fails:
            raise PlatformError("The board is gone.")
        if any(experiment.base is None for experiment in plan.experiments):
            run = fig2_run()
        else:
            rounds = rounds_per_process(plan.protocol.runs, plan.protocol.processes)
            times = noisy(lambda _: 2.0)
            run = run_of_declarations(plan.declarations, times, rounds, plan.protocol.channels)
        done = run.model_copy(update={"platform": plan.platform, "protocol": plan.protocol})
        run_folders.write_run(folder, done)
        return done


@pytest.fixture
def machine(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    found = Machine()
    monkeypatch.setattr(runs, "execute", found.execute)
    monkeypatch.setattr(paper, "PARTS", SOME)
    return found


@pytest.fixture
def quiet(monkeypatch):
    """Write no reports, which take longer than all else."""
    monkeypatch.setattr(paper, "publish", lambda *_: "nowhere")


def test_every_published_table_is_accounted_for():
    known = {item.name for item in items()}
    for file in FOLDER.glob("*.csv"):
        found = re.match(r"(appendix_)?(table|fig)(\d+[ab]?)", file.name)
        if found:
            appendix, kind, number = found.groups()
            name = f"{'Table' if kind == 'table' else 'Fig.'} {number}"
            assert f"Appendix {name}" if appendix else name in known


def test_every_experiment_is_measured_in_one_part():
    for declaration in EXPERIMENTS.values():
        assert declaration.part in PARTS
        assert declaration.coverage.measured
        assert declaration.coverage.why
    names = [part.name for part in PARTS]
    # However few rounds heavy networks get, intervals need processes.
    assert all((part.processes or 5) >= 3 for part in PARTS)
    assert len({*names, EXACT.name}) == len(names) + 1


def test_the_page_has_a_row_and_the_terminal_a_line_for_each():
    (table,) = coverage_section().tables
    assert len(table.rows) == len(coverage_lines()) == len(items())
    for row, line in zip(table.rows, coverage_lines(), strict=True):
        assert line.startswith(f"{row[0]}, {row[1]}. ")
    assert any("not reproduced" in line for line in coverage_lines())


def test_the_documented_coverage_is_the_declared_one():
    (table,) = coverage_section().tables
    assert markdown_table(table) in (ROOT / "docs" / "paper.md").read_text()


def test_nothing_is_measured_without_a_platform(guidelines, tmp_path):
    code, out, err = guidelines("paper")
    assert code == 0, err
    assert "Table 8, Whole networks. Measured: speed (run table8)." in out
    assert not any(tmp_path.iterdir())


def test_all_parts_are_measured_with_their_reports_and_a_page(machine, capsys):
    measure_paper("cpu", Options(), Path("out"))
    assert list(machine.asked) == ASKED
    exact, large = machine.asked[EXACT.name], machine.asked[LARGE.name]
    assert {d.name for d in exact.declarations} == {n for n, d in GUIDELINES.items() if d.exact}
    assert exact.protocol.channels == "exact"
    assert (large.protocol.runs, large.protocol.processes) == (LARGE.runs, LARGE.processes)
    assert all(Path("out", name, "report", "report.html").exists() for name in ASKED)
    for suffix in ("html", "md", "tex"):
        assert Path(f"out/paper.{suffix}").exists()
    said = capsys.readouterr()
    assert "Page: out/paper.html" in said.out
    assert f"1 of {len(ASKED)}: {ASKED[0]}" in said.err


def test_what_a_platform_cannot_have_is_left_out_and_said(machine, capsys):
    machine.fails = set(ASKED)
    with pytest.raises(PlatformError, match="Nothing could be measured"):
        measure_paper("arm-emulated", Options(), Path("out"))
    assert set(machine.asked) == set(ASKED) - {"operators"}
    assert "Left out: operators: fig2 takes run time apart" in capsys.readouterr().err


def test_a_part_that_stops_leaves_the_others_and_the_same_command_goes_on(machine, capsys, quiet):
    machine.fails = {LARGE.name}
    measure_paper("cpu", Options(), Path("out"))
    assert f"{LARGE.name}: The board is gone." in capsys.readouterr().err
    machine.asked, machine.fails = {}, set()
    measure_paper("cpu", Options(), Path("out"))
    assert list(machine.asked) == [LARGE.name]


def test_a_folder_with_runs_of_something_else_is_refused(machine, quiet):
    machine.fails = set(ASKED[1:])
    measure_paper("cpu", Options(), Path("out"))
    with pytest.raises(BadInputError, match="holds a run of something else"):
        measure_paper("cpu-torch", Options(), Path("out"))
