"""Where things lie: new folders, what is left of them, the cache, and names of every kind."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from guideline_benchmarks.guidelines.catalogue import GUIDELINES
from guideline_benchmarks.guidelines.export import model_files
from guideline_benchmarks.results.errors import BadInputError
from guideline_benchmarks.results.record.cells import NetworkChoice
from guideline_benchmarks.results.store import files, run_folders
from guideline_benchmarks.runners import worker_archive
from tests.program import complains, slow_but_first
from tests.synthetic import noisy, run_of

LATIN_1 = os.fsdecode(b"d\xe9cembre")
ODD_NAMES = ["50% & #1 $x ~^{y}|z", "<script>alert(1)<", "two\nlines", "décembre"]
SMALL = ("run", "g4", "--runs", 1, "--processes", 1)


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_folders_chosen_in_the_same_second_are_two(here):
    with files.results_folder(None, "cpu") as one, files.results_folder(None, "cpu") as other:
        assert one != other
        for folder in (one, other):
            assert folder.is_dir()
            (folder / "kept").touch()
    assert sorted(folder.parent for folder in (one, other)) == [files.RUNS] * 2
    assert one.is_dir()


def test_runs_begun_at_once_without_out_are_both_whole(command, ready_python, tmp_path):
    processes = [command(*SMALL, "--quiet", python=ready_python) for _ in range(2)]
    said = [process.communicate(timeout=300) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    folders = {out.strip() for out, _ in said}
    assert len(folders) == 2
    assert folders == {str(p.relative_to(tmp_path)) for p in (tmp_path / files.RUNS).iterdir()}
    assert all(len(run_folders.read_run(tmp_path / folder).rounds) == 1 for folder in folders)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("run", "g4", "--core", "4096"), 2),
        (("run", "g4", "--core", "4096", "--out", "a/b/c"), 2),
        (("run", "g4", "--core", "4096", "--out", "there/b"), 2),
        (("run", "g4", "--core", "4096", "--out", "there"), 2),
        (("run", "g4", "--platform", "cuda"), 3),
        (("run", "g4", "--out", "new/" + "n" * 300), 2),
        (("ab", "g4", "--b-python", "/nonexistent/python"), 3),
        (("ab", "g4", "--core", "4096", "--out", "a/b"), 2),
        (("report", "run", "--out", "new/" + "n" * 300), 2),
        (("compare", "run", "--out", "new/" + "n" * 300), 2),
    ],
)
def test_what_is_refused_leaves_nothing_behind(guidelines, tmp_path, words, code):
    run_folders.write_run(tmp_path / "run", run_of(["g1"], noisy(lambda _: 1.0)))
    (tmp_path / "there").mkdir()
    before = sorted(tmp_path.rglob("*"))
    found, _, err = guidelines(*words)
    assert found == code, err
    assert "Traceback" not in err
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("cache", ["cache", "~/x", "./cache", ""])
def test_a_relative_cache_is_ignored(cache, here, monkeypatch):
    monkeypatch.setenv("HOME", str(here / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", cache)
    monkeypatch.setattr(sys, "platform", "linux")
    assert files.cache_folder() == here / "home" / ".cache" / "guideline-benchmarks"
    monkeypatch.setenv("XDG_CACHE_HOME", str(here / "cache"))
    assert files.cache_folder() == here / "cache" / "guideline-benchmarks"


def test_an_agent_on_a_board_ignores_one_too(tmp_path):
    agent = Path(files.__file__).parents[2] / "runners" / "transports" / "board_agent.py"
    source = agent.read_text(encoding="utf-8").removesuffix("main()\n")
    script = f"{source}\nprint(cache_folder())"
    environment = os.environ | {"HOME": str(tmp_path), "XDG_CACHE_HOME": "cache"}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == str(tmp_path / ".cache" / "guideline-benchmarks" / "board")


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"XDG_CACHE_HOME": LATIN_1}, "not UTF-8"),
        ({"XDG_CACHE_HOME": "file"}, "a file is in the way"),
        ({"XDG_CACHE_HOME": "", "HOME": "file"}, "a file is in the way"),
        ({"XDG_CACHE_HOME": "/proc"}, "cannot be written"),
    ],
)
def test_an_unfit_cache_names_the_variable_that_moves_it(guidelines, tmp_path, variables, says):
    (tmp_path / "file").touch()
    given = {name: str(tmp_path / place) if place else "" for name, place in variables.items()}
    result = guidelines(*SMALL, "--out", "mine", environment=given)
    complains(result, 2, says, "choose another place with XDG_CACHE_HOME")
    assert not (tmp_path / "mine").exists()


def refuse(path, *_):
    raise files.file_error(path, PermissionError(errno.EACCES, "Permission denied"), files.CACHE)


def test_a_cache_that_cannot_be_written_is_used_for_what_it_holds(tmp_path, monkeypatch):
    cells = GUIDELINES["g4"].cells(NetworkChoice())
    held = model_files.prepare(cells[0], "onnxruntime-cpu", 0, tmp_path)
    archive = worker_archive.build(tmp_path)
    monkeypatch.setattr(files, "write_file", refuse)
    assert model_files.prepare(cells[0], "onnxruntime-cpu", 0, tmp_path) == held
    assert worker_archive.build(tmp_path) == archive
    files.keep_file(archive, archive.read_bytes())
    with pytest.raises(BadInputError, match="choose another place with XDG_CACHE_HOME"):
        model_files.prepare(cells[1], "onnxruntime-cpu", 0, tmp_path)
    archive.write_bytes(b"damaged")
    with pytest.raises(BadInputError, match="choose another place with XDG_CACHE_HOME"):
        worker_archive.build(tmp_path)


@pytest.mark.parametrize(
    ("words", "chosen_by"),
    [
        (("run", "g4", "--out", "file/x"), "--out"),
        (("ab", "g4", "--out", "file/x"), "--out"),
        (("report", "run", "--out", "file"), "--out"),
        (("compare", "run", "--out", "file"), "--out"),
        (("history", ".", "--out", "file"), "--out"),
        (("check", "run", "--baseline", "run", "--ci", "file"), "--ci"),
    ],
)
def test_a_place_that_cannot_be_written_is_told_with_what_chooses_it(
    guidelines, tmp_path, words, chosen_by
):
    run_folders.write_run(tmp_path / "run", run_of(["g1"], noisy(lambda _: 1.0)))
    (tmp_path / "file").touch()
    complains(
        guidelines(*words), 2, rf"file is in the way\): choose another place with {chosen_by}"
    )


@pytest.mark.parametrize("name", slow_but_first(LATIN_1, *ODD_NAMES))
def test_folders_of_any_name_are_measured_into_and_read(guidelines, tmp_path, name):
    code, out, err = guidelines(*SMALL, "--out", f"{name}/one", "--quiet", errors="surrogateescape")
    assert code == 0, err
    assert out == f"{name}/one\n"
    folder = tmp_path / name / "one"
    (said,) = (session.command for session in run_folders.read_run(folder).sessions)
    assert files.readable(f"{name}/one") in said
    run_folders.write_run(tmp_path / name / "two", run_of(["g4"], noisy(lambda _: 1.0)))
    for words in (
        ("show", f"{name}/one"),
        ("show", f"{name}/one", "--json"),
        ("report", f"{name}/one"),
        ("compare", f"{name}/two", "paper:arm", "--out", f"{name}/compared"),
        ("compare", f"{name}/two", "paper:arm", "--json", "--out", f"{name}/compared"),
        ("history", name, "--platform", "cpu"),
        ("history", name, "--platform", "cpu", "--json"),
        ("check", f"{name}/two", "--baseline", f"{name}/two", "--ci", f"{name}/ci", "--json"),
    ):
        code, out, err = guidelines(*words, errors="surrogateescape")
        assert code == 0, err
        if "--json" in words:
            json.loads(out)
    written = [p for p in (tmp_path / name).rglob("*") if p.suffix in (".html", ".md", ".xml")]
    assert len(written) >= 6
    assert not any("<script>alert" in path.read_text(encoding="utf-8") for path in written)


@pytest.mark.parametrize(
    "words",
    [
        ("decompose", f"{LATIN_1}.onnx"),
        ("predict", f"{LATIN_1}.onnx"),
        ("decompose", "a.onnx", "--values", f"{LATIN_1}.npz"),
        ("decompose", "a.onnx", "--python", f"{LATIN_1}/python"),
        ("run", "g4", "--platform", f"{LATIN_1}.toml"),
        ("ab", "g4", "--a-python", f"{LATIN_1}/python"),
    ],
)
def test_what_a_record_could_not_keep_is_refused_before_anything_is_measured(
    guidelines, tmp_path, words
):
    complains(guidelines(*words), 2, r"d\\xe9cembre\S* has bytes that are not UTF-8", "link to it")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", [("decompose", "n" * 300 + ".onnx"), ("show", "n" * 300)])
def test_a_name_that_is_too_long_is_no_matter_of_writing(guidelines, tmp_path, words):
    result = guidelines(*words)
    complains(result, 2, "File name too long|no file")
    assert "writ" not in result[2]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("encoding", slow_but_first({"PYTHONIOENCODING": "ascii"}, {}))
def test_a_locale_that_knows_ascii_alone_is_no_hindrance(guidelines, tmp_path, encoding):
    plain = {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", **encoding}
    words = (*SMALL, "--out", "d\xe9cembre")
    code, out, err = guidelines(*words, environment=plain, errors="surrogateescape")
    assert code == 0, err
    assert "Table 4" in out
    assert (tmp_path / "d\xe9cembre" / "report" / "report.html").exists()
    code, out, err = guidelines("show", "d\xe9cembre", environment=plain, errors="surrogateescape")
    assert code == 0, err
