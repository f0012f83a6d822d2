"""Counts that were made before: found by what they depend on, and by nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from guideline_benchmarks.results.cost_model.caches import CORTEX_A57
from guideline_benchmarks.runners.emulator import count_cache
from guideline_benchmarks.runners.emulator.count_cache import CountCache
from guideline_benchmarks.runners.launcher import ModelFiles
from tests.synthetic import counted_run, valid

RUN = counted_run(["g2"], lambda _: 10**6, caches=True)
CELL = RUN.cells[0]


@pytest.fixture
def files(tmp_path):
    found = ModelFiles(model=tmp_path / "model", expected=tmp_path / "expected.npy")
    found.model.write_bytes(b"a model")
    found.expected.write_bytes(b"an output")
    return found


def changed(**fields):
    return valid(RUN.model_dump() | fields)


def with_protocol(**fields):
    return changed(protocol=RUN.protocol.model_dump() | fields, counts=[])


def test_the_same_is_found_and_as_many_as_asked_for(tmp_path, files):
    cache, count = CountCache(tmp_path / "counts"), RUN.counts[0]
    key = count_cache.key(RUN, CELL, files)
    assert cache.find(key, 1) is None
    cache.keep(key, count)
    assert cache.find(key, 5) == count
    first = cache.find(key, 2)
    assert first.instructions == count.instructions[:2]
    assert first.l2_misses == count.l2_misses[:2]
    assert cache.find(key, 6) is None


def test_a_longer_count_takes_the_place_of_a_shorter_one(tmp_path, files):
    cache, count = CountCache(tmp_path / "counts"), RUN.counts[0]
    names = ("instructions", "l1d_misses", "l2_misses")
    short = count.model_copy(update={name: getattr(count, name)[:2] for name in names})
    cache.keep("key", short)
    cache.keep("key", count)
    assert cache.find("key", 5) == count
    cache.keep("key", short)
    assert cache.find("key", 5) == count


def test_a_failed_proof_and_a_damaged_file_are_not_kept(tmp_path):
    cache = CountCache(tmp_path / "counts")
    failed = counted_run(["g2"], lambda _: 10**6, failures={CELL.name: "another output"})
    cache.keep("key", failed.counts[0])
    assert cache.find("key", 1) is None
    cache.keep("key", RUN.counts[0])
    (tmp_path / "counts" / "key.json").write_text("{")
    assert cache.find("key", 1) is None


def test_how_often_it_was_counted_and_its_name_do_not_matter(files):
    key = count_cache.key(RUN, CELL, files)
    assert count_cache.key(with_protocol(runs=2), CELL, files) == key
    named = replace(CELL, row="another", experiment="prediction")
    assert count_cache.key(RUN, named, files) == key
    # None stands for the Cortex-A57's.
    assert count_cache.key(with_protocol(geometry=CORTEX_A57.model_dump()), CELL, files) == key


def test_all_that_changes_counts_changes_the_key(files):
    other = CORTEX_A57.model_dump() | {"l2": {"kib": 1024, "ways": 16}}
    machine = RUN.fingerprint.model_dump()
    runs = [
        RUN,
        with_protocol(geometry=other),
        with_protocol(caches=False),
        with_protocol(seed=1),
        changed(fingerprint=machine | {"runtimes": {"onnxruntime": "2.0"}}),
        changed(fingerprint=machine | {"worker": "1" * 64}),
    ]
    keys = [count_cache.key(run, CELL, files) for run in runs]
    files.model.write_bytes(b"another model")
    keys.append(count_cache.key(RUN, CELL, files))
    files.expected.write_bytes(b"another output")
    keys.append(count_cache.key(RUN, CELL, files))
    assert len(set(keys)) == len(keys)
