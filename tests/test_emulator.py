"""The emulated aarch64 core, for real: qemu-user, an aarch64 Python and runtime, the counter."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from guideline_benchmarks.guidelines.session import runs
from guideline_benchmarks.guidelines.session.options import Options
from guideline_benchmarks.guidelines.session.planning import plan
from guideline_benchmarks.results.cost_model.caches import CORTEX_A57, Cache
from guideline_benchmarks.results.record.backends import BACKENDS
from guideline_benchmarks.results.statistics.stopping import complete
from guideline_benchmarks.results.store import run_folders
from guideline_benchmarks.results.tables.json_objects import json_objects
from guideline_benchmarks.results.tables.summary import summarise
from guideline_benchmarks.runners import samples, worker_archive
from guideline_benchmarks.runners.emulator import install
from guideline_benchmarks.runners.events import Counted, Failed, Loaded, Warm
from guideline_benchmarks.runners.launcher import Launcher, identify, set_up
from guideline_benchmarks.runners.transports.emulator import Emulated
from tests import runtimes, small_program
from tests.program import complains, slow_but_first, wait_for
from tests.synthetic import some

SMALL = (str(Path(small_program.__file__)),)
# The least work of each table, so that emulating it does not take long.
SMALLEST = ("g1/1:12/x1", "g2/g=2/x1", "g3/2-fragment-series/x1", "g4/none/x1")
BASES = ("g1/1:1/x1", "g2/g=1/x1", "g3/1-fragment/x1", "g4/relu+shortcut/x1")
DETERMINISTIC = 1e-4


def test_a_comma_in_a_path_is_no_end_of_an_argument(tmp_path):
    words = install.plugin_words(tmp_path / "a,b.so", tmp_path / "out", CORTEX_A57)
    caches = "l1i=256:3,l1d=256:2,l2=2048:16"
    assert words == f"{tmp_path}/a,,b.so,out={tmp_path}/out,{caches}"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("g1", "--platform", "cpu", "--caches"), "--platform arm-emulated"),
        (("g1", "--platform", "arm-emulated", "--processes", "2"), "one process of its own"),
        (("g1", "--platform", "arm-emulated", "--core", "0"), "do not depend on where"),
        (("fig2", "--platform", "arm-emulated"), "takes run time apart"),
    ],
)
def test_what_has_no_meaning_is_refused(guidelines, words, said):
    complains(guidelines("run", *words), 2, said)


def test_nothing_is_benchmarked_on_an_emulator(guidelines):
    complains(guidelines("bench", "--platform", "arm-emulated"), 2, "timed")


def counting(names, caches=False, times=2, platform="arm-emulated"):
    return plan(some(*names), platform, Options(times, caches=caches))


@pytest.mark.parametrize("platform", slow_but_first("arm-emulated-ncnn", "arm-emulated"))
def test_the_counter_counts_and_the_output_is_the_host_s(platform, emulator_of, cache, tmp_path):
    """A cell of each guideline in one emulated worker; its output is compared with torch's here."""
    asked = counting((*SMALLEST, *BASES), platform=platform)
    emulator = emulator_of(asked.platform.backend)
    cells, others, files = runs.prepare(asked, cache, lambda *_: None)
    assert others == []
    archive = worker_archive.build(tmp_path)
    emulated = Emulated(emulator, archive)
    launcher = Launcher(emulated, worker_archive.digest())
    run = runs.begin(asked, identify(asked.platform, launcher), cells, others)
    assert run.fingerprint.architecture == "aarch64"
    assert run.fingerprint.hostname == "emulated"
    smallest = [cell for cell in cells if cell.name in SMALLEST]
    assert len(smallest) == len(SMALLEST)
    out = tmp_path / "counts"
    with emulated.counting(out, CORTEX_A57).process() as worker:
        set_up(run, worker, files, launcher, cells=smallest)
        for cell in smallest:
            found = worker.receive(600, Loaded, Failed)
            assert isinstance(found, Loaded), found
            assert found.output_error <= run.protocol.output_tolerance
            assert samples.prove(run, cell, found).failure is None
        worker.receive(600, Warm)
        for index, cell in enumerate(smallest):
            worker.send({"do": "count", "cell": index, "times": 2, "path": str(out)})
            counts = worker.receive(600, Counted)
            # A vector instruction does four multiply-adds, and there are loads and loops as well.
            for number in counts.instructions:
                assert cell.multiply_adds / 4 < number < 2 * cell.multiply_adds
            for instructions, first, second in zip(
                counts.instructions, counts.l1d_misses, counts.l2_misses, strict=True
            ):
                assert instructions > first >= second > 0
            # Kernels loop, and fit into the instruction cache; each loads a vector or more for
            # every few instructions.
            for name, most in (("branches", 0.5), ("l1i_misses", 0.01), ("memory_bytes", 16.0)):
                for instructions, number in zip(
                    counts.instructions, getattr(counts, name), strict=True
                ):
                    assert 0 < number < most * instructions


@contextmanager
def a_busy_machine():
    """Twice as many programs that spin as there are cores for them."""
    spin = [sys.executable, "-c", "while True: pass"]
    hogs = [subprocess.Popen(spin) for _ in range(2 * len(os.sched_getaffinity(0)))]
    try:
        yield
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()


@pytest.mark.slow
def test_counts_are_the_same_in_another_run(emulator, tmp_path, cache, monkeypatch):
    """Also with the caches modelled, among other cells, in another shell, on a busy machine."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    # The first two change most with anything.
    names = ["g4/relu+shortcut/x1", "g4/none/x1", "g2/g=1/x1"]

    def counted(names, caches, folder):
        watcher = Silent()
        asked = counting(names, caches)
        run = runs.execute(asked, tmp_path / folder, False, watcher, lambda *_: None)
        assert watcher.stored == 1 + len(names)
        assert complete(run)
        assert run_folders.read_run(tmp_path / folder) == run
        return {count.cell: count for count in run.counts}

    alone = counted(names[:1], False, "alone")
    one = counted(names, True, "one")
    monkeypatch.setenv("SOMETHING", "else" * 1000)
    with a_busy_machine():
        other = counted(["g2/g=2/x1", *names], True, "other")
    for cell in names:
        for found in (one, *([alone] if cell in alone else [])):
            differs = min(other[cell].instructions) / min(found[cell].instructions) - 1
            assert abs(differs) <= DETERMINISTIC
        # How buffers lie to one another is another thing (docs/emulation.md).
        assert min(other[cell].l1d_misses) == pytest.approx(min(one[cell].l1d_misses), rel=0.2)
    # What was counted with caches need not be counted again to be modelled.
    watcher = Silent()
    asked = plan(some(*names), "arm-modelled")
    run = runs.execute(asked, tmp_path / "modelled", False, watcher, lambda *_: None)
    assert watcher.counted == []
    assert {c.cell: min(c.instructions) for c in run.counts}.keys() == set(names)
    for found in json_objects(summarise(run)):
        low, high = found["modelled_ci95_ms"]
        assert low < found["modelled_ms"] < high
        assert found["speed"] is None


@pytest.mark.slow
@pytest.mark.parametrize("runtime", ["ncnn", "litert"])
def test_counts_of_other_runtimes_are_the_same_in_another_run(
    runtime, emulator_of, tmp_path, cache, monkeypatch
):
    """Among other cells, in another shell."""
    if not runtimes.is_installed(BACKENDS[f"{runtime}-cpu"]):
        pytest.skip(f"{runtime} is not installed (make runtimes)")
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    emulator_of(f"{runtime}-cpu")
    found = []
    for number, names in enumerate((["g4/none/x1"], ["g1/1:12/x1", "g4/none/x1"])):
        asked = counting(names, times=2, platform=f"arm-emulated-{runtime}")
        run = runs.execute(asked, tmp_path / str(number), False, Silent(), lambda *_: None)
        assert complete(run)
        found.append(min(next(c.instructions for c in run.counts if c.cell == "g4/none/x1")))
        monkeypatch.setenv("SOMETHING", "else" * 1000)
    assert found[1] == pytest.approx(found[0], rel=DETERMINISTIC)


@pytest.mark.slow
def test_smaller_caches_miss_more(emulator, tmp_path, cache, monkeypatch):
    """The same instructions, and misses of the caches that were asked for."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    name = "g1/1:1/x1"
    small = CORTEX_A57.model_copy(
        update={"l1d": Cache(kib=4, ways=2), "l2": Cache(kib=64, ways=16)}
    )
    found = []
    for number, caches in enumerate((CORTEX_A57, small)):
        asked = counting([name], True)
        protocol = asked.protocol.model_copy(update={"geometry": caches})
        asked = replace(asked, protocol=protocol)
        run = runs.execute(asked, tmp_path / str(number), False, Silent(), lambda *_: None)
        found.append(run.counts[0])
    large, little = found
    assert min(little.instructions) == pytest.approx(min(large.instructions), rel=DETERMINISTIC)
    assert min(little.l1d_misses) > min(large.l1d_misses)
    # All data of this network fits into 2 MiB, and not into 64 KiB.
    assert min(little.l2_misses) > 20 * min(large.l2_misses)


class Silent:
    """A watcher that only remembers what was counted, and how often it was stored."""

    def __init__(self):
        self.stored = 0
        self.counted = []

    def counting(self, cell):
        self.counted.append(cell.name)

    def count_stored(self, run):
        self.stored += 1


@pytest.mark.slow
def test_a_killed_run_keeps_its_networks_and_goes_on(emulator, command, guidelines, tmp_path):
    words = ("run", "g4", "--platform", "arm-emulated", "--caches", "--runs", "1")
    folder = tmp_path / "run"
    process = command(*words, "--out", folder, program=SMALL)
    wait_for(folder, "counts", 2, seconds=300)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Networks kept" in err
    assert "--resume" in err
    kept = run_folders.read_run(folder)
    assert 2 <= len(kept.counts) < len(kept.cells)
    resumed = command(*words, "--out", folder, "--resume", "--json", program=SMALL)
    out, err = resumed.communicate(timeout=300)
    assert resumed.returncode == 0, err
    finished = run_folders.read_run(folder)
    assert complete(finished)
    assert [count.cell for count in finished.counts] == [cell.name for cell in finished.cells]
    assert {c.cell: c for c in kept.counts}.items() <= {c.cell: c for c in finished.counts}.items()
    for found in json.loads(out):
        assert found["instructions"] > 0
        assert found["l1d_misses"] >= found["l2_misses"] > 0
        assert found["speed"] is None
    assert (folder / "report" / "report.html").exists()
    again = guidelines("show", folder)
    assert "emulated, not a speed" in again[1]
