"""Whole runs on the GPU platforms, with the real worker on a stand-in for the card."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from guideline_benchmarks.guidelines.catalogue import EXPERIMENTS, select
from guideline_benchmarks.guidelines.session import measuring, runs
from guideline_benchmarks.guidelines.session.options import Options
from guideline_benchmarks.guidelines.session.planning import plan
from guideline_benchmarks.results.errors import BadInputError, PlatformError
from guideline_benchmarks.results.record.cells import NetworkChoice
from guideline_benchmarks.results.statistics.stopping import complete
from guideline_benchmarks.results.store.run_folders import read_run
from guideline_benchmarks.results.tables.summary import summarise
from guideline_benchmarks.runners.launcher import Launcher
from guideline_benchmarks.runners.platform_file import load_platform
from guideline_benchmarks.runners.transports.local import Local
from tests.program import slow_but_first
from tests.synthetic import some

WORKER = Path(__file__).parent / "gpu_worker.py"
CELLS = ("g4/relu+shortcut/x1", "g4/relu/x1", "g4/shortcut/x1", "g4/none/x1")


@pytest.fixture
def measured(tmp_path, cache, monkeypatch, ready_python):
    """Measure some cells on a platform whose card is a stand-in that fails as it is told to."""
    monkeypatch.setattr("guideline_benchmarks.guidelines.session.runs.cache_folder", lambda: cache)

    def run(
        platform="cuda", how="", declarations=None, resume=False, rounds=2, processes=1, **options
    ):
        def launcher(platform, cache, search=(), python="", claim=None):
            words = [how] if how else []
            return Launcher(Local([ready_python, str(WORKER), *words]), "0" * 64, search)

        monkeypatch.setattr(runs, "launcher_of", launcher)
        chosen = declarations or some(*CELLS)
        asked = plan(chosen, platform, Options(rounds, processes, channels="arm", **options))
        return measuring.execute_with_progress(asked, tmp_path / "run", resume, quiet=True)

    return run


def test_a_graph_is_measured_hot_cold_and_eager_with_the_card_and_its_ceilings(measured, tmp_path):
    run = measured(rounds=4, processes=2)
    assert run == read_run(tmp_path / "run")
    assert complete(run)
    assert not run.failures
    assert run.fingerprint.gpu.name == "Simulated"
    for entry in run.rounds:
        assert set(entry.beside) == {"cold", "eager"}
        assert entry.sm_mhz == [1900] * len(run.networks)
        assert entry.card.temperature_c == 40
    for process in run.processes:
        assert set(process.layouts) == set(process.launch_ns) == {c.name for c in run.networks}
        assert process.clock.overhead_ns > 0
        assert set(process.ceilings.products) == {"fp32", "tf32", "fp16", "bf16"}
        assert process.seconds > 0
    (column,) = summarise(run).columns
    assert {result.bound.roof for result in column.results} <= {"launch", "bandwidth", "compute"}


@pytest.mark.parametrize("platform", slow_but_first("cuda-eager", "cuda-compile"))
def test_other_modes_are_measured_hot_and_cold(platform, measured):
    run = measured(platform)
    assert complete(run)
    assert not run.failures
    assert {kind for entry in run.rounds for kind in entry.beside} == {"cold"}


def test_a_network_that_is_too_large_has_no_figure_and_the_others_have(measured):
    run = measured(how="memory")
    assert complete(run)
    assert list(run.failures) == ["g4/relu/x1"]
    assert "more memory than the GPU has" in run.failures["g4/relu/x1"]


def test_a_gpu_that_is_lost_before_anything_was_measured_is_told(measured):
    with pytest.raises(PlatformError, match=r"does not work any more: .*Nothing was stored yet"):
        measured(how="lost")


def test_a_gpu_that_is_lost_in_mid_run_leaves_all_rounds_and_the_run_goes_on(measured, tmp_path):
    with pytest.raises(PlatformError, match=r"unspecified launch failure.*continue with: ") as said:
        measured(how="lost-later", rounds=40)
    assert "\n" not in str(said.value)
    kept = read_run(tmp_path / "run")
    assert 0 < len(kept.rounds) < 40
    finished = measured(resume=True, rounds=40)
    assert complete(finished)
    assert finished.rounds[: len(kept.rounds)] == kept.rounds
    assert [process.ceilings is None for process in finished.processes] == [True, False]


def test_fig2_takes_kernels_of_eager_executions_apart(measured):
    run = measured(declarations=[EXPERIMENTS["fig2"]], rounds=2)
    assert not run.failures
    shuffled, other = summarise(run).decompositions
    for found in (shuffled, other):
        assert sum(share.percent for share in found.categories) == pytest.approx(100)
    assert "Shuffle" in {share.category for share in shuffled.categories if share.calls}


@pytest.mark.parametrize(
    ("platform", "declaration", "options", "said"),
    [
        (
            "cpu",
            "g1",
            {"precision": "bf16"},
            "computes in fp32 or int8: choose one of these; or arm-emulated-ncnn, cpu-",
        ),
        ("cuda-onnxruntime", "g1", {"precision": "fp16"}, "fp32 or tf32: choose one of these"),
        ("cuda-compile", "fig2", {}, "use platform cuda or cuda-eager"),
        ("cuda-tensorrt", "fig2", {}, "use platform cuda or cuda-eager"),
        ("arm-emulated", "g1", {"batch": 2}, "one image at a time"),
    ],
)
def test_what_a_platform_cannot_do_is_refused_before_it_starts(
    platform, declaration, options, said
):
    with pytest.raises(BadInputError, match=said):
        plan(select([declaration]), platform, Options(**options))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA GPU")
@pytest.mark.parametrize("platform", ["cuda", "cuda-eager", "cuda-compile"])
def test_without_a_gpu_the_program_says_so_in_one_sentence(platform, guidelines):
    code, out, err = guidelines("run", "all", "--platform", platform)
    assert (code, out) == (3, "")
    assert err.count("\n") == 1
    assert "finds no CUDA GPU" in err


def test_the_gpu_platforms_measure_the_gpu_channel_set_in_batches():
    for name in ("cuda", "cuda-eager", "cuda-compile", "cuda-onnxruntime", "cuda-tensorrt"):
        platform = load_platform(name)
        assert (platform.channels, platform.unit) == ("gpu", "batches/s")
        asked = plan(select(["all"]), name)
        assert asked.protocol.channels == "gpu"
        assert asked.cells == [
            cell
            for declaration in select(["all"])
            for cell in declaration.cells(NetworkChoice(channels="gpu"))
        ]
