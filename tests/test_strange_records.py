"""Records from strangers: odd figures become figures or a sentence, and text only text."""

from __future__ import annotations

import gzip
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
from guideline_benchmarks.results.errors import BadInputError
from guideline_benchmarks.results.gate import trial_store
from guideline_benchmarks.results.gate.regression import judge_run
from guideline_benchmarks.results.history.history import digest, folders_in, history_of
from guideline_benchmarks.results.store import run_folders
from guideline_benchmarks.results.store.compressed import LARGEST, SUFFIX
from guideline_benchmarks.results.tables.json_objects import json_objects
from guideline_benchmarks.results.tables.summary import summarise
from guideline_benchmarks.runners.events import parse
from tests.program import complains
from tests.synthetic import counted_run, fig2_run, noisy, run_of
from tests.synthetic_gpu import gpu_run
from tests.synthetic_trials import trial_of

RUNS = {
    "timed": lambda: run_of(["g4"], noisy(lambda _: 1.0), rounds=(3, 3)),
    "taken apart": lambda: fig2_run(rounds=(2, 2)),
    "counted": lambda: counted_run(["g4"], lambda _: 10**7, caches=True),
    "on a gpu": lambda: gpu_run(["g4"], noisy(lambda _: 1.0), rounds=(2, 2)),
}
# What a terminal obeys, what turns the direction of writing, and what ends lines elsewhere.
HARMFUL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
ESCAPES = "\x1b[2J\x1b]0;owned\x07 \x9b31m \u202egnp.exe\u2066 \r\x08\x7f"


def content_of(run):
    return json.loads(run.model_dump_json())


def store(folder, content):
    folder.mkdir(parents=True, exist_ok=True)
    text = content if isinstance(content, str) else json.dumps(content)
    (folder / run_folders.FILE).write_text(text)
    return folder


def refused(folder, says):
    with pytest.raises(BadInputError, match=says) as caught:
        run_folders.read_run(folder)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1000
    return str(caught.value)


# Zeros.


@pytest.fixture
def of_no_cost(tmp_path):
    """Two runs whose cells cost nothing, as far as a record can say so, with measured ceilings."""
    for number, seed in enumerate((1, 2)):
        content = content_of(gpu_run(["g1", "g4"], noisy(lambda _: 1.0, seed=seed), rounds=(3, 3)))
        for cell in (*content["cells"], *content["controls"]):
            for field in ("cost", "bytes", "bound"):
                cell[f"memory_access_{field}"] = 0
        store(tmp_path / f"run{number}", content)
    return tmp_path


@pytest.mark.parametrize(
    "words",
    [
        ("show", "run0"),
        ("show", "run0", "--details"),
        ("show", "run0", "--json"),
        ("report", "run0"),
        ("compare", "run0", "run1", "--out", "page"),
        ("check", "run0", "--baseline", "run1"),
        ("history", ".", "--out", "page"),
    ],
)
def test_every_command_reads_a_run_whose_cells_cost_nothing(guidelines, of_no_cost, words):
    code, out, err = guidelines(*words)
    assert (code, err) == (0, "")
    assert not re.search(r"\b(nan|inf|Infinity)\b", out, re.IGNORECASE)


def test_decomposed_networks_may_have_no_cost_at_all(tmp_path):
    content = content_of(fig2_run(rounds=(2, 2)))
    for cell in content["cells"]:
        cell |= {"multiply_adds": 0, "memory_access_cost": 0, "memory_access_bytes": 0}
    summary = summarise(read_run(store(tmp_path / "run", content)))
    write_report(summary, tmp_path / "report")
    assert summary.decompositions[0].categories


@pytest.mark.parametrize("pie", [{}, {"Conv": 0}, {"Other": 1e-320}])
def test_a_published_pie_may_have_no_slice(pie, tmp_path):
    content = content_of(fig2_run(rounds=(2, 2)))
    content["cells"][0]["published_shares"]["arm"] = pie
    write_report(summarise(read_run(store(tmp_path / "run", content))), tmp_path / "report")


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("cells", 0, "published", "speed"), 0),
        (("cells", 0, "published", "speed"), 5e-324),
        (("cells", 0, "published_shares"), {"arm": {"Conv": -1}}),
        (("cells", 0, "published_shares"), {"arm": {"Conv": 1e300}}),
        (("cells", 0, "memory_access_bound"), -1),
        (("processes", 0, "load_start"), -1),
    ],
)
def test_figures_that_cannot_be_are_refused(tmp_path, place, value):
    content = content_of(RUNS["timed"]())
    *way, last = place
    part = content
    for step in way:
        part = part[step]
    part[last] = value
    assert str(last) in refused(store(tmp_path, content), "is not a valid run")


# Text.


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


# Bounds.


def test_a_field_of_64_mb_is_refused(tmp_path):
    content = content_of(RUNS["timed"]())
    for field, says in (("cpu_model", "cpu_model: String should have at most"), ("new", "new")):
        content["fingerprint"][field] = "x" * (63 * 2**20)
        refused(store(tmp_path, content), says)
        del content["fingerprint"][field]
        content["fingerprint"]["cpu_model"] = "A CPU"
    content["fingerprint"]["y" * (62 * 2**20)] = 1
    refused(store(tmp_path, content), "Extra inputs")


def test_a_record_that_is_too_large_is_refused_before_it_is_read(tmp_path):
    file = store(tmp_path, "") / run_folders.FILE
    with file.open("wb") as stream:
        stream.truncate(100 * 2**30)
    refused(tmp_path, "more than 64 MiB")


def test_little_that_was_compressed_cannot_fill_the_memory(tmp_path):
    packed = tmp_path / (run_folders.FILE + SUFFIX)
    with gzip.open(packed, "wb") as stream:
        for _ in range(4 * LARGEST // 2**20):
            stream.write(b" " * 2**20)
    assert packed.stat().st_size < 2**20
    refused(tmp_path, "more than 64 MiB")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"cpu_model":"A CPU"', '"cpu_model":"A CPU","cpu_model":"Another"'),
        ('"runs":6', '"runs":6,"runs":6'),
        ('{"schema_version":7', '{"schema_version":7,"schema_version":7'),
        ('"rounds":[', '"rounds":[],"rounds":['),
    ],
)
def test_a_key_that_is_there_twice_is_refused(tmp_path, old, new):
    text = RUNS["timed"]().model_dump_json()
    assert old in text
    refused(store(tmp_path, text.replace(old, new, 1)), r'the key "\w+" is there twice')


def test_a_key_that_is_there_twice_in_a_trial_is_refused(tmp_path):
    text = trial_of().model_dump_json().replace('"python":""', '"python":"","python":"x"', 1)
    (tmp_path / trial_store.FILE).write_text(text)
    with pytest.raises(BadInputError, match='"python" is there twice'):
        trial_store.read_trial(tmp_path)


@pytest.mark.parametrize(
    "value",
    [
        "[" * 10**6,
        '{"a":' * 10**5,
        "9" * 10**6,
        "-1e999",
        "NaN",
        "1e400",
        "[" + "9," * 10**6 + "9]",
    ],
)
def test_deep_nesting_and_numbers_without_end_are_refused(tmp_path, value):
    text = RUNS["timed"]().model_dump_json()
    refused(
        store(tmp_path, text.replace('"memory":17179869184', f'"memory":{value}')), "run.json is"
    )


@pytest.mark.slow
def test_many_rounds_are_refused(tmp_path):
    content = content_of(RUNS["timed"]())
    text = json.dumps(content | {"rounds": []})
    one = json.dumps(content["rounds"][0], separators=(",", ":"))
    many = ",".join([one] * (60 * 2**20 // len(one)))
    refused(store(tmp_path, text.replace('"rounds": []', f'"rounds": [{many}]')), "more rounds")


# The history.


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"schema_version":7', '"schema_version":99', "newer version"),
        ('"steady_within":0.05', '"steady_within":NaN', "finite"),
        ('"ns":[', '"ns":[1e999,', "not a valid run"),
        ('"runs":6', '"runs":6,"runs":7', "is there twice"),
        ('"cells":[', '"surprise":1,"cells":[', "Extra inputs"),
    ],
)
def test_a_history_leaves_out_what_every_other_command_refuses(tmp_path, old, new, says):
    text = RUNS["timed"]().model_dump_json()
    assert old in text
    for name, content in (("good", text), ("odd", text.replace(old, new, 1))):
        store(tmp_path / name, content)
    sentence = refused(tmp_path / "odd", says)
    found = history_of([digest(folder) for folder in folders_in(tmp_path)])
    assert [run.folder for run in found.runs] == ["good"]
    assert found.left_out == [sentence]


@pytest.mark.parametrize("escape", ["\\u001b", "\\u009b", "\\u202e"])
def test_escapes_in_a_platform_file_are_refused(guidelines, tmp_path, escape):
    lines = ['name = "mine"', 'backend = "onnxruntime-cpu"', f'description = "a{escape}[2Jb"']
    (tmp_path / "mine.toml").write_text("\n".join(lines) + "\n")
    result = guidelines("run", "g1", "--platform", "mine.toml")
    complains(result, 2, "description")
    assert not HARMFUL.search(result[2])
