"""Text from strangers is only text, wherever it is shown."""

from __future__ import annotations

import io
import json
import re

import pytest
from rich.console import Console

from guideline_benchmarks.guidelines.session.stored import read_run
from guideline_benchmarks.reports.compare import comparison as compared
from guideline_benchmarks.reports.formats.latex import latex
from guideline_benchmarks.reports.gate.gate import print_judgement
from guideline_benchmarks.reports.gate.registry import FORMATS as CI_FORMATS
from guideline_benchmarks.reports.history import history as followed
from guideline_benchmarks.reports.run.brief import print_run
from guideline_benchmarks.reports.run.document import document
from guideline_benchmarks.reports.run.report import write_report
from guideline_benchmarks.results.compare.comparison import compare
from guideline_benchmarks.results.compare.entrants import recorded
from guideline_benchmarks.results.gate import trial_store
from guideline_benchmarks.results.gate.regression import judge_run
from guideline_benchmarks.results.history.history import digest, history_of
from guideline_benchmarks.results.tables.json_objects import json_objects
from guideline_benchmarks.results.tables.summary import summarise
from guideline_benchmarks.runners.events import parse
from tests.program import complains
from tests.strange_records import RUNS, content_of, store
from tests.synthetic import noisy, run_of
from tests.synthetic_trials import trial_of

# What a terminal obeys, what turns the direction of writing, and what ends lines elsewhere.
HARMFUL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
ESCAPES = "\x1b[2J\x1b]0;owned\x07 \x9b31m \u202egnp.exe\u2066 \r\x08\x7f"


def spoilt(content):
    """The content with escapes in each text that may be anything; names and choices stay."""
    fixed = {
        "schema_version",
        "name",
        "backend",
        "transport",
        "mode",
        "unit",
        "channels",
        "g4_unit",
    }
    fixed |= {"precision", "experiment", "base", "row", "block", "category", "operator", "model"}
    fixed |= {"column_label", "tick", "panels", "cell", "worker", "machine"}

    def changed(part, key=""):
        if isinstance(part, str):
            return part if key in fixed else f"{part}{ESCAPES}"
        if isinstance(part, list):
            return part if key == "axes" else [changed(item, key) for item in part]
        if isinstance(part, dict):
            return {name: changed(item, name) for name, item in part.items()}
        return part

    content = changed(content)
    if content["fingerprint"]["gpu"]:
        content["fingerprint"]["gpu"]["name"] += ESCAPES
    for experiment in content["experiments"]:
        experiment["notes"] = [f"A note{ESCAPES}"]
        experiment["row_labels"] = [{"title": f"row{ESCAPES}", "text": "{row}"}]
    # Names of rows, in every place that has them.
    row = content["cells"][-1]["row"]
    return json.loads(json.dumps(content).replace(row, f"{row}{json.dumps(ESCAPES)[1:-1]}"))


def all_texts(folder, run):
    """Everything that is said anywhere of one stored run, by where."""
    summary, out = summarise(run), io.StringIO()
    console = Console(file=out, width=120)
    print_run(summary, console=console)
    print_run(summary, details=True, console=console)
    write_report(summary, folder / "report")
    texts = {"json": json.dumps(json_objects(summary), ensure_ascii=False)}
    comparison = compare([recorded("run", run)])
    if comparison.entrants:
        compared.print_comparison(comparison, console)
        compared.write_comparison(comparison, folder / "compare")
        history = history_of([digest(folder / "run")])
        followed.print_history(history, console)
        followed.write_history(history, folder / "history")
        judgement = judge_run(run, run)
        print_judgement(judgement, console)
        texts |= {name: form(judgement, True) for name, form in CI_FORMATS.items()}
    for file in folder.glob("*/*"):
        if file.suffix in (".html", ".md", ".tex", ".csv", ".svg"):
            texts[f"{file.parent.name}/{file.name}"] = file.read_text()
    return texts | {"terminal": out.getvalue()}


@pytest.mark.parametrize("name", RUNS)
def test_escapes_in_a_record_reach_no_format(tmp_path, name):
    run = read_run(store(tmp_path / "run", spoilt(content_of(RUNS[name]()))))
    assert "\ufffd[2J" in run.fingerprint.cpu_model
    texts = all_texts(tmp_path, run)
    assert {"terminal", "json", "report/report.html", "report/report.md"} <= {*texts}
    assert any(where.endswith(".svg") for where in texts) or name == "taken apart"
    assert "owned" in texts["terminal"]
    for where, text in texts.items():
        found = HARMFUL.search(text)
        assert found is None, (where, text[max(0, found.start() - 50) : found.end() + 50])


def test_failures_and_commands_are_cleaned_too(tmp_path):
    failures = {"g4/none/x1": f"it broke{ESCAPES}"}
    content = content_of(run_of(["g4"], noisy(lambda _: 1.0), rounds=(2, 2), failures=failures))
    content["sessions"][0]["command"] = ["guidelines", f"run{ESCAPES}"]
    run = read_run(store(tmp_path / "run", content))
    texts = all_texts(tmp_path, run)
    assert "it broke" in texts["terminal"]
    assert not any(HARMFUL.search(text) for text in texts.values())
    assert latex(document(summarise(run))).isascii()


def test_escapes_written_as_they_are_are_cleaned_as_well(tmp_path):
    content = content_of(RUNS["timed"]())
    content["fingerprint"]["cpu_model"] = "A \x7f\x9b\u202e\u2066\u061c CPU"
    text = json.dumps(content, ensure_ascii=False)
    run = read_run(store(tmp_path, text))
    assert run.fingerprint.cpu_model == "A \ufffd\ufffd\ufffd\ufffd\ufffd CPU"


def test_text_that_only_looks_like_an_escape_stays(tmp_path):
    content = content_of(RUNS["timed"]())
    content["fingerprint"]["cpu_model"] = said = r"C:\u001b\b “ü” ™ \ "
    assert read_run(store(tmp_path, content)).fingerprint.cpu_model == said


def test_what_a_record_is_refused_for_is_told_without_its_escapes(guidelines, tmp_path):
    content = content_of(RUNS["timed"]())
    store(tmp_path / "key", content | {f"odd{ESCAPES}": 1})
    store(
        tmp_path / "double",
        json.dumps(content)[:-1] + f", {json.dumps('x' + ESCAPES)}: 1" * 2 + "}",
    )
    for name, says in (("key", "Extra inputs"), ("double", "is there twice")):
        result = guidelines("show", name)
        complains(result, 2, says)
        assert not HARMFUL.search(result[2])


def test_what_a_board_says_is_cleaned_where_it_arrives():
    line = json.dumps({"event": "unavailable", "reason": f"no{ESCAPES}"}).encode()
    assert not HARMFUL.search(parse(line).reason)


def test_a_trial_is_cleaned_as_runs_are(tmp_path):
    content = json.loads(trial_of().model_dump_json())
    content["a"]["fingerprint"]["cpu_model"] = ESCAPES
    (tmp_path / trial_store.FILE).write_text(json.dumps(content))
    trial, _ = trial_store.read_trial(tmp_path)
    assert not HARMFUL.search(trial.a.fingerprint.cpu_model)


@pytest.mark.parametrize("escape", ["\\u001b", "\\u009b", "\\u202e"])
def test_escapes_in_a_platform_file_are_refused(guidelines, tmp_path, escape):
    lines = ['name = "mine"', 'backend = "onnxruntime-cpu"', f'description = "a{escape}[2Jb"']
    (tmp_path / "mine.toml").write_text("\n".join(lines) + "\n")
    result = guidelines("run", "g1", "--platform", "mine.toml")
    complains(result, 2, "description")
    assert not HARMFUL.search(result[2])
