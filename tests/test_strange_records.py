"""Records from strangers: odd figures become figures or a sentence, and all has bounds."""

from __future__ import annotations

import gzip
import json
import re

import pytest

from guideline_benchmarks.guidelines.session.stored import read_run
from guideline_benchmarks.reports.run.report import write_report
from guideline_benchmarks.results.errors import BadInputError
from guideline_benchmarks.results.gate import trial_store
from guideline_benchmarks.results.history.history import digest, folders_in, history_of
from guideline_benchmarks.results.store import run_folders
from guideline_benchmarks.results.store.compressed import LARGEST, SUFFIX
from guideline_benchmarks.results.tables.summary import summarise
from tests.strange_records import RUNS, content_of, refused, store
from tests.synthetic import fig2_run, noisy
from tests.synthetic_gpu import gpu_run
from tests.synthetic_trials import trial_of


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


@pytest.mark.slow
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
        ('{"schema_version":11', '{"schema_version":11,"schema_version":11'),
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


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"schema_version":11', '"schema_version":99', "newer version"),
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
