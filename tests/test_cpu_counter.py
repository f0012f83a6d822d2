"""Platform cpu-counted: instructions of this machine's own kernels, and a gate without noise."""

from __future__ import annotations

import io
import json
import struct
import sys
from pathlib import Path

import pytest
from rich.console import Console

from guideline_benchmarks.guidelines.session import runs
from guideline_benchmarks.guidelines.session.options import Options
from guideline_benchmarks.guidelines.session.planning import plan
from guideline_benchmarks.reports.formats.terminal import show
from guideline_benchmarks.reports.run.document import document
from guideline_benchmarks.results.compare.comparison import compare
from guideline_benchmarks.results.compare.entrants import recorded
from guideline_benchmarks.results.errors import BadInputError, PlatformError
from guideline_benchmarks.results.gate.regression import judge_run
from guideline_benchmarks.results.record.counters import COUNTERS
from guideline_benchmarks.results.record.platform import Platform
from guideline_benchmarks.results.statistics.stopping import complete
from guideline_benchmarks.results.tables.summary import summarise
from guideline_benchmarks.runners.emulator import cpu_counter
from guideline_benchmarks.runners.emulator.cpu_counter import CpuCounter
from guideline_benchmarks.runners.emulator.qemu import Versions
from guideline_benchmarks.runners.platform_file import load_platform
from tests.program import complains
from tests.synthetic import counted_run, some, valid
from tests.test_emulator import Silent, a_busy_machine

PLATFORM = load_platform("cpu-counted")
MARGIN = COUNTERS["counter"].margin
SMALLEST = ("g3/1-fragment/x1", "g4/none/x1", "g4/relu+shortcut/x1")
ONE = SMALLEST[1]


class FakeCounter(CpuCounter):
    """Starts this Python as it is, and has "counted" before it begins."""

    counted = 7_000_000

    def command(self, plugin=None):
        words = dict(word.partition("=")[::2] for word in (plugin or "").split(","))
        if "out" in words:
            Path(words["out"]).write_bytes(struct.pack("=6Q", self.counted, 0, 0, 0, 0, 0))
        return [sys.executable]


@pytest.fixture
def fake(monkeypatch, tmp_path):
    found = FakeCounter(tmp_path, Versions(qemu="0", counter="0" * 64))
    monkeypatch.setattr(cpu_counter, "installed", lambda folder: found)
    return found


def synthetic(instructions=lambda cell: 10_000_000, **machine):
    """A counted run of Table 4 on platform cpu-counted."""
    run = counted_run(["g4"], instructions)
    fingerprint = run.fingerprint.model_copy(update=machine)
    return valid(run.model_copy(update={"platform": PLATFORM, "fingerprint": fingerprint}))


def test_without_the_counter_the_program_says_how_to_get_it(guidelines, tmp_path):
    elsewhere = {"XDG_CACHE_HOME": str(tmp_path)}
    result = guidelines("run", "g2", "--platform", "cpu-counted", environment=elsewhere)
    said = "make cpu-counter" if cpu_counter.platform.machine() == "x86_64" else "arm-emulated"
    complains(result, 3, said)


@pytest.mark.parametrize(("system", "machine"), [("linux", "aarch64"), ("darwin", "x86_64")])
def test_another_machine_is_refused_in_one_sentence(monkeypatch, tmp_path, system, machine):
    monkeypatch.setattr(cpu_counter.sys, "platform", system)
    monkeypatch.setattr(cpu_counter.platform, "machine", lambda: machine)
    for ask in (cpu_counter.installed, lambda folder: cpu_counter.install(folder, print)):
        with pytest.raises(PlatformError, match=f"on {machine}: use platform arm-emulated"):
            ask(tmp_path)
    assert not list(tmp_path.iterdir())


def on_x86_64(monkeypatch):
    monkeypatch.setattr(cpu_counter.sys, "platform", "linux")
    monkeypatch.setattr(cpu_counter.platform, "machine", lambda: "x86_64")


def test_what_is_missing_or_damaged_is_named(monkeypatch, tmp_path):
    on_x86_64(monkeypatch)
    (tmp_path / "versions.json").write_text("{")
    with pytest.raises(PlatformError, match="is not set up: `make cpu-counter`"):
        cpu_counter.installed(tmp_path)
    (tmp_path / "versions.json").write_text(json.dumps({"qemu": "7", "counter": "0"}))
    with pytest.raises(PlatformError, match="another version's: `make cpu-counter`"):
        cpu_counter.installed(tmp_path)
    monkeypatch.setattr("shutil.which", lambda tool: tool != "cc" or None)
    with pytest.raises(PlatformError, match=r"cpu-counted's counter must.*no C compiler \(cc\)"):
        cpu_counter.install(tmp_path, print)


def test_what_has_no_meaning_is_refused_and_a_batch_has_one():
    declarations = some(*SMALLEST)
    for options, said in (
        (Options(caches=True), "has no such core: use it with --platform arm-emulated"),
        (Options(core="0"), "do not depend on where"),
        (Options(processes=2), "one process of its own"),
    ):
        with pytest.raises(BadInputError, match=said):
            plan(declarations, "cpu-counted", options)
    assert plan(declarations, "cpu-counted", Options(batch=2)).protocol.batch == 2


def test_another_backend_is_not_counted():
    with pytest.raises(ValueError, match='nothing is counted of backend "torch-cpu"'):
        Platform.model_validate(PLATFORM.model_dump() | {"backend": "torch-cpu"})


def test_a_cost_model_needs_misses_which_are_not_counted_here():
    fields = PLATFORM.model_dump() | {"unit": "images/s", "model": "cortex-a57"}
    with pytest.raises(ValueError, match="with misses"):
        Platform.model_validate(fields)


def test_a_run_is_counted_and_checked(fake, cache, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))

    def counted(folder):
        asked = plan(some(*SMALLEST), "cpu-counted")
        return runs.execute(asked, tmp_path / folder, False, Silent(), lambda *_: None)

    one = counted("one")
    assert complete(one)
    assert [count.instructions for count in one.counts] == [[7_000_000] * 2] * 3
    assert (one.fingerprint.hostname, one.fingerprint.memory) == ("counted", 0)
    assert one.fingerprint.runtimes["qemu"] == "0"
    monkeypatch.setattr(FakeCounter, "counted", round(7_000_000 * 1.0002))
    judged = judge_run(counted("other"), one)
    assert {finding.verdict for finding in judged.findings} == {"SLOWER"}


@pytest.mark.parametrize(
    ("factor", "verdict"),
    [(1.0, "SAME"), (1.00009, "SAME"), (1.0002, "SLOWER"), (0.9998, "FASTER")],
)
def test_a_fiftieth_of_a_percent_is_found(factor, verdict):
    changed = synthetic(lambda cell: round(10_000_000 * (factor if cell.name == ONE else 1)))
    judged = judge_run(changed, synthetic())
    found = {finding.row.name: finding.verdict for finding in judged.findings}
    assert found.pop(ONE) == verdict
    # The guideline's mean over twelve cells is a row, too.
    assert {*found.values()} == {"SAME"}
    assert judged.margin == MARGIN
    assert any("not what waits longer" in remark for remark in judged.remarks)


def test_other_flags_of_the_processor_are_told():
    judged = judge_run(synthetic(cpu_features=["avx2", "avx512f"]), synthetic())
    assert any("cpu_features (none / avx512f)" in remark for remark in judged.remarks)


def test_an_arm_core_s_counts_keep_their_margin():
    slower = counted_run(["g4"], lambda _: round(10_000_000 * 1.0002))
    judged = judge_run(slower, counted_run(["g4"], lambda _: 10_000_000))
    assert {finding.verdict for finding in judged.findings} == {"SAME"}
    assert not any("waits longer" in remark for remark in judged.remarks)


def test_reports_say_what_is_counted_and_speak_of_no_other_core():
    out = io.StringIO()
    shown = document(summarise(synthetic()))
    show(shown, Console(file=out, width=400))
    text = out.getvalue()
    assert "executed, not a speed" in text
    assert "what executes more, not what waits longer" in text
    assert "never AVX-512" in text
    assert "mulated" not in text
    compared = compare([recorded("one", synthetic())])
    assert "mulated" not in " ".join(compared.left_out)


@pytest.fixture(scope="session")
def counter():
    """The counter, set up where it is not yet; tests of it are skipped where it cannot be."""
    try:
        return cpu_counter.install(cpu_counter.default_folder(), lambda _: None)
    except PlatformError as error:
        pytest.skip(f"instructions cannot be counted: {error}")


@pytest.mark.slow
def test_counts_repeat_and_are_those_of_avx2_kernels(counter, tmp_path, cache, monkeypatch):
    """Also among other networks, in another shell, on a busy machine."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    monkeypatch.setattr(cpu_counter, "installed", lambda _: counter)

    def counted(names, folder):
        asked = plan(some(*names), "cpu-counted")
        return runs.execute(asked, tmp_path / folder, False, Silent(), lambda *_: None)

    one = counted(SMALLEST[:2], "one")
    monkeypatch.setenv("SOMETHING", "else" * 1000)
    with a_busy_machine():
        other = counted(SMALLEST, "other-" + "x" * 50)
    again = {count.cell: min(count.instructions) for count in other.counts}
    for count in one.counts:
        assert abs(again[count.cell] / min(count.instructions) - 1) < MARGIN / 2
    assert judge_run(other, one).objections(strict=True) == []
    assert set(one.fingerprint.cpu_features) == set(cpu_counter.FEATURES)
    # A dense convolution: eight multiply-adds an instruction at best, and loads and loops.
    dense = next(cell for cell in one.cells if cell.name == SMALLEST[0])
    assert dense.multiply_adds / 8 < again[dense.name] < dense.multiply_adds / 2
