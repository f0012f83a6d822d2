"""Records are read compressed as they are read plain, and are written plain again."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from guideline_benchmarks.results.errors import BadInputError
from guideline_benchmarks.results.gate import trial_store
from guideline_benchmarks.results.history.history import digest, folders_in, history_of
from guideline_benchmarks.results.store import run_folders
from tests.program import complains, compress
from tests.synthetic import noisy, run_of
from tests.synthetic_trials import noisy_logs, replicate_of, trial_of


def g4_run(seed=1):
    return run_of(["g4"], noisy(lambda _: 5.0, noise=0.004, seed=seed), rounds=(6,) * 3)


@pytest.fixture
def run():
    return g4_run()


@pytest.fixture
def file(run, tmp_path):
    """The record of `run`, compressed."""
    run_folders.write_run(tmp_path / "run", run)
    return compress(tmp_path / "run" / run_folders.FILE)


@pytest.fixture
def stored_trial(tmp_path):
    """A trial of three quartets, one of them compressed; the folder, and what it holds."""
    trial, folder = trial_of(("g4",), design="quartets"), tmp_path / "trial"
    quartets = [replicate_of(trial, noisy_logs(), number) for number in range(3)]
    trial_store.write_trial(folder, trial)
    for number, quartet in enumerate(quartets):
        trial_store.write_replicate(folder, trial, number, quartet)
    compress(folder / trial_store.FILE)
    compress(folder / "quartets" / "0002.json")
    return folder, trial, quartets


def test_a_compressed_record_is_read_by_its_folder_and_by_either_name(run, file):
    assert run_folders.has_run(file.parent)
    for place in (file.parent, file, file.with_suffix("")):
        assert run_folders.read_run(place) == run


def test_the_plain_record_is_taken_where_both_are_there(file):
    newer = g4_run(2)
    before = file.read_bytes()
    run_folders.write_run(file.parent, newer)
    file.write_bytes(before)
    assert run_folders.read_run(file.parent) == newer
    assert [place.name for place in run_folders.stored_runs(file.parent.parent)] == ["run"]


def test_writing_a_record_removes_the_compressed_one(file):
    newer = g4_run(2)
    run_folders.write_run(file.parent, newer)
    assert [left.name for left in file.parent.iterdir()] == [run_folders.FILE]
    assert run_folders.read_run(file.parent) == newer


def test_a_failed_write_leaves_the_compressed_record(run, file, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Exception, match="disk is full"):
        run_folders.write_run(file.parent, g4_run(2))
    assert [left.name for left in file.parent.iterdir()] == [file.name]
    assert run_folders.read_run(file.parent) == run


def cut(file):
    file.write_bytes(file.read_bytes()[:-2000])


def plain(file):
    file.write_bytes(b'{"schema_version": 1}')


def flip(file):
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0xFF
    file.write_bytes(content)


@pytest.mark.parametrize("damage", [cut, plain, flip, lambda file: file.write_bytes(b"")])
def test_damaged_data_is_one_sentence_and_exit_code_2(damage, file, guidelines):
    damage(file)
    with pytest.raises(BadInputError, match=r"run\.json\.gz is truncated or not JSON") as caught:
        run_folders.read_run(file.parent)
    assert "\n" not in str(caught.value)
    assert digest(file.parent) == str(caught.value)
    if damage is cut:
        complains(guidelines("show", "run"), 2, r"run\.json\.gz is truncated")


def test_a_history_takes_compressed_runs_beside_plain_ones(tmp_path):
    for number in range(4):
        run_folders.write_run(tmp_path / f"run{number}", g4_run(number))
    before = history_of([digest(place) for place in folders_in(tmp_path)])
    for number in (1, 2):
        compress(tmp_path / f"run{number}" / run_folders.FILE)
    assert [place.name for place in folders_in(tmp_path)] == ["run0", "run1", "run2", "run3"]
    after = history_of([digest(place) for place in folders_in(tmp_path)])
    assert after.runs == before.runs
    assert not after.left_out


def test_the_newest_run_is_found_compressed(run, tmp_path):
    for age, name in enumerate(["new", "middle", "old"]):
        run_folders.write_run(tmp_path / name, run)
        file = tmp_path / name / run_folders.FILE
        if name == "middle":
            file = compress(file)
        os.utime(file, (10**9 - age, 10**9 - age))
    assert [folder.name for folder in run_folders.stored_runs(tmp_path)] == ["new", "middle", "old"]


def test_commands_say_the_same_of_a_compressed_run(guidelines, file, run, tmp_path):
    run_folders.write_run(tmp_path / "plain", run)
    shown = [guidelines("show", name, "--json") for name in ("run", "plain")]
    assert shown[0] == shown[1]
    assert shown[0][0] == 0
    assert guidelines("check", "run", "--baseline", "plain")[0] == 0
    code, out, err = guidelines("compare", file, "paper:arm", "--json", "--out", "page")
    assert code == 0, err
    assert out == guidelines("compare", "plain", "paper:arm", "--json", "--out", "page")[1]
    for name in ("run", "plain"):
        assert guidelines("report", name)[0] == 0
    one, other = (
        {f.name: f.read_bytes() for f in (tmp_path / name / "report").iterdir()}
        for name in ("run", "plain")
    )
    assert one == other
    assert file.exists()


def test_a_trial_is_read_compressed(stored_trial):
    folder, trial, quartets = stored_trial
    assert trial_store.has_trial(folder)
    assert trial_store.read_trial(folder) == (trial, quartets)


def test_a_compressed_trial_is_continued_plain(stored_trial):
    folder, trial, quartets = stored_trial
    more = replicate_of(trial, noisy_logs(), 3)
    trial_store.write_trial(folder, trial)
    trial_store.write_replicate(folder, trial, 3, more)
    assert trial_store.read_trial(folder) == (trial, [*quartets, more])
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.json*"))
    assert names == [
        "quartets/0001.json",
        "quartets/0002.json.gz",
        "quartets/0003.json",
        "quartets/0004.json",
        "trial.json",
    ]


def test_damaged_and_missing_quartets_are_named(stored_trial):
    folder, *_ = stored_trial
    file: Path = folder / "quartets" / "0002.json.gz"
    whole = file.read_bytes()
    file.write_bytes(whole[:-9])
    with pytest.raises(BadInputError, match=r"0002\.json\.gz cannot be read: damaged gzip"):
        trial_store.read_trial(folder)
    file.unlink()
    with pytest.raises(BadInputError, match=r"0002\.json is missing, and 0003\.json is there"):
        trial_store.read_trial(folder)
