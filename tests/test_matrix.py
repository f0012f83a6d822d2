"""A declared matrix: every combination measured once, what cannot be said, all compared."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest
import typer

from guideline_benchmarks.guidelines.session import runs, several
from guideline_benchmarks.guidelines.session.matrix import measure_and_compare
from guideline_benchmarks.guidelines.session.matrix_file import Matrix, read_matrix
from guideline_benchmarks.guidelines.session.several import seconds_left
from guideline_benchmarks.results.errors import BadInputError, CheckFailedError, PlatformError
from guideline_benchmarks.results.statistics.stopping import complete
from guideline_benchmarks.results.store import run_folders
from tests.program import complains, wait_for
from tests.synthetic import noisy, run_of, run_of_declarations, valid

ROOT = Path(__file__).parent.parent
SMALL = 'experiments = ["g2"]\nplatforms = ["cpu", "cpu-torch"]\nthreads = [1, 2]\nruns = 6\n'
FOUR = ["cpu-1t-fp32", "cpu-2t-fp32", "cpu-torch-1t-fp32", "cpu-torch-2t-fp32"]
MISSING = "No module named 'torch'. Install it."


def measured(plan, rounds, failures=None):
    """A run of a plan in which so many rounds were measured, in one process of a minute each."""
    truth = noisy(lambda cell: float(cell.axes.get("groups", 2)), noise=0.002)
    run = run_of_declarations(plan.declarations, truth, [1] * rounds, failures=failures)
    cores = [*range(plan.platform.threads)]
    processes = [
        process.model_copy(update={"seconds": 60.0, "core": cores if len(cores) > 1 else 0})
        for process in run.processes
    ]
    content = run.model_dump() | {
        "platform": plan.platform.model_dump(),
        "protocol": plan.protocol.model_dump(),
        "processes": [process.model_dump() for process in processes],
    }
    return valid(content)


class Machine:
    """Measures nothing: it stores runs by a formula, and fails where it is told to."""

    def __init__(self):
        self.begun = []
        self.missing, self.lacks = set(), set()
        self.ended = {}
        self.failures = None

    def identify(self, platform, _launcher, _core, precision):
        if platform.name in self.missing:
            raise PlatformError(MISSING)
        if precision in self.lacks:
            raise PlatformError(f"There is no {precision} here.")

    def execute(self, plan, folder, resume, *_):
        earlier = runs.earlier_run(plan, folder, resume)
        if earlier is not None and complete(earlier):
            return earlier
        self.begun.append((folder.name, len(earlier.rounds) if earlier else 0))
        after, error = self.ended.get(folder.name, (None, None))
        if error is not None and after:
            run_folders.write_run(folder, measured(plan, after))
        if error is not None:
            raise error
        run = measured(plan, plan.protocol.runs, self.failures)
        run_folders.write_run(folder, run)
        return run


@pytest.fixture
def machine(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    found = Machine()
    monkeypatch.setattr(runs, "execute", found.execute)
    monkeypatch.setattr(several, "identify", found.identify)
    monkeypatch.setattr(several, "launcher_of", lambda *_: None)
    return found


def written(text):
    file = Path("matrix.toml")
    file.write_text(text)
    return read_matrix(file)


def run_matrix(text=SMALL):
    measure_and_compare(written(text), Path("out"))


def records():
    return sorted(folder.name for folder in Path("out").iterdir() if run_folders.has_run(folder))


def test_each_combination_is_measured_into_its_folder_and_all_are_compared(machine, capsys):
    run_matrix()
    assert [name for name, _ in machine.begun] == FOUR == records()
    assert run_folders.read_run(Path("out/cpu-torch-2t-fp32")).platform.threads == 2
    said = capsys.readouterr()
    for label in ("cpu, 2 threads", "cpu-torch, 2 threads", "What flips", "Rank agreement"):
        assert label in said.out
    assert "Page: out/compare/compare.html" in said.out
    assert Path("out/compare/compare.csv").exists()
    progress = [line for line in said.err.splitlines() if " of 4: " in line]
    assert progress[0] == "1 of 4: cpu-1t-fp32"
    # A minute for each of six rounds, three combinations being left.
    assert progress[1] == "2 of 4: cpu-2t-fp32, about 18 min left"


def test_combinations_are_tried_in_their_precision_before_any_is_measured(machine, capsys):
    machine.lacks = {"int8"}
    run_matrix('experiments = ["g2"]\nplatforms = ["cpu"]\nprecisions = ["fp32", "int8"]\nruns = 6')
    assert [name for name, _ in machine.begun] == ["cpu-1t-fp32"]
    assert "Left out: cpu-1t-int8: There is no int8 here." in capsys.readouterr().err


def test_what_is_measured_is_not_measured_again(machine, capsys):
    run_matrix()
    machine.begun.clear()
    machine.missing = {"cpu", "cpu-torch"}
    run_matrix()
    assert machine.begun == []
    assert "4 of 4: cpu-torch-2t-fp32 is measured already" in capsys.readouterr().err


def test_ctrl_c_keeps_what_was_measured_and_the_same_command_goes_on(machine, capsys):
    machine.ended = {"cpu-2t-fp32": (2, KeyboardInterrupt())}
    with pytest.raises(typer.Exit) as left:
        run_matrix()
    assert left.value.exit_code == 130
    said = capsys.readouterr()
    assert said.out == ""
    assert "Rounds kept in out/cpu-2t-fp32: 2; continue with: the same command" in said.err
    assert records() == FOUR[:2]
    machine.begun.clear()
    machine.ended = {}
    run_matrix()
    assert machine.begun == [("cpu-2t-fp32", 2), ("cpu-torch-1t-fp32", 0), ("cpu-torch-2t-fp32", 0)]
    # Eight minutes for a whole one and a third of another; eight thirds are left.
    assert "2 of 4: cpu-2t-fp32, about 16 min left" in capsys.readouterr().err


def test_a_platform_without_its_runtime_is_left_out_with_its_sentence(machine, capsys):
    machine.missing = {"cpu-torch"}
    run_matrix()
    assert records() == FOUR[:2]
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == f"Left out: cpu-torch-1t-fp32, cpu-torch-2t-fp32: {MISSING}"


def test_a_precision_that_a_platform_refuses_is_left_out(machine, capsys):
    run_matrix(SMALL + 'precisions = ["bf16", "fp32"]')
    assert records() == FOUR
    err = capsys.readouterr().err
    assert "Left out: cpu-1t-bf16, cpu-2t-bf16: --precision bf16 is none of platform cpu" in err
    assert "Left out: cpu-torch-1t-bf16, cpu-torch-2t-bf16: " in err


def test_what_fails_before_its_first_round_is_left_out_too(machine, capsys):
    machine.ended = {"cpu-2t-fp32": (0, PlatformError("It computes in no such precision."))}
    run_matrix()
    assert records() == [FOUR[0], *FOUR[2:]]
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("Left out: cpu-2t-fp32: It computes in no such precision.")


def test_what_stops_on_its_way_stops_no_other_and_is_an_error_in_the_end(machine, capsys):
    machine.ended = {"cpu-1t-fp32": (3, PlatformError("The worker died."))}
    with pytest.raises(PlatformError, match=r"Not finished: cpu-1t-fp32: The worker died\. Rounds"):
        run_matrix()
    assert [name for name, _ in machine.begun] == FOUR
    out = capsys.readouterr().out
    assert "cpu-torch, 2 threads" in out
    assert "Page: " in out


def test_nothing_measured_is_an_error_of_the_platform(machine):
    machine.missing = {"cpu", "cpu-torch"}
    with pytest.raises(PlatformError, match=re.escape(f"{', '.join(FOUR)}: {MISSING}")):
        run_matrix()
    assert PlatformError.exit_code == 3
    assert not Path("out").exists()


def test_a_failed_proof_is_told_after_the_comparison(machine, capsys):
    machine.failures = {"g2/g=8/x1": "its output differs"}
    with pytest.raises(CheckFailedError, match=r"cpu-1t-fp32: 1 network.*its output differs"):
        run_matrix()
    assert "Page: " in capsys.readouterr().out


def test_a_folder_of_something_else_is_refused_before_anything_is_measured(machine):
    run_matrix()
    machine.begun.clear()
    with pytest.raises(BadInputError, match=r"out/cpu-1t-fp32 holds a run of something else.*runs"):
        run_matrix(SMALL.replace("runs = 6", "runs = 7"))
    assert machine.begun == []


def test_a_platform_that_takes_no_threads_is_measured_with_its_own(machine, capsys):
    run_matrix(SMALL.replace("cpu-torch", "cuda"))
    assert records() == ["cpu-1t-fp32", "cpu-2t-fp32", "cuda-1t-fp32"]
    assert "cuda-2t-fp32: --threads has no meaning on platform cuda" in capsys.readouterr().err


def test_combinations_named_twice_are_measured_once(machine):
    run_matrix(SMALL.replace("[1, 2]", "[2, 2]").replace('"cpu", ', '"cpu", "cpu", '))
    assert [name for name, _ in machine.begun] == ["cpu-2t-fp32", "cpu-torch-2t-fp32"]


def test_the_time_left_is_unknown_before_anything_was_measured():
    assert seconds_left([None, None], [1, 1]) is None
    assert seconds_left([run_of(["g2"], noisy(lambda _: 1.0)), None], [1, 1]) is None


def test_what_is_left_is_by_what_the_measured_took():
    run = run_of(["g2"], noisy(lambda _: 1.0), rounds=(5, 5))
    took = [process.model_copy(update={"seconds": 30.0}) for process in run.processes]
    half = run.model_copy(update={"processes": took, "rounds": run.rounds[:5]})
    assert seconds_left([half, None], [1, 1]) == pytest.approx(120 * 1.5)
    assert seconds_left([half, None], [1, 3]) == pytest.approx(120 * 3.5)


def test_the_usual_of_a_matrix_is_the_platforms_threads_and_fp32():
    found = Matrix(experiments=["all"], platforms=["cpu"])
    assert (found.threads, found.precisions, found.runs, found.processes) == (
        None,
        ["fp32"],
        None,
        None,
    )


def test_the_example_is_a_matrix():
    assert read_matrix(ROOT / "examples" / "matrix.toml").experiments == ["all"]


BROKEN = {
    "thread = [1]": "there is no key 'thread'. Did you mean threads?",
    'threads = ["two"]': "threads must be a list of numbers from 1 to 256, .* 'two' is not",
    "threads = [0]": "threads must be a list of numbers from 1 to 256, .* 0 is not",
    "threads = [true]": "threads must be a list of numbers from 1 to 256, .* True is not",
    "threads = []": r"threads must be a list of numbers from 1 to 256, .* \[\] is not",
    "threads = 2": "threads must be a list of numbers from 1 to 256, .* 2 is not",
    'precisions = ["int4"]': "precisions must be a list of some of fp32, .* 'int4' is not",
    "runs = 0": "runs must be a number of samples for each network, 1 or more; 0 is not",
    'runs = "5"': "runs must be a number of samples",
    "runs = 3\nprocesses = 4": "processes is 4, more than the 3 runs",
    "threads = [1": "is not valid TOML",
}


@pytest.mark.parametrize("line", BROKEN)
def test_a_broken_file_is_told_in_one_sentence(guidelines, tmp_path, line):
    head = 'experiments = ["g2"]\nplatforms = ["cpu"]\n'
    (tmp_path / "matrix.toml").write_text(head + line)
    complains(guidelines("matrix", "matrix.toml"), 2, "Matrix file matrix.toml", BROKEN[line])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('platforms = ["cpu"]', "experiments is missing: a list of experiments"),
        ('experiments = ["g2"]', "platforms is missing: a list of platforms"),
        ('experiments = ["g9"]\nplatforms = ["cpu"]', "Matrix file .*no experiment 'g9'"),
        ('experiments = ["g2"]\nplatforms = ["cpu-tochr"]', "Did you mean cpu-torch?"),
        ('experiments = ["fig2"]\nplatforms = ["cpu"]', "fig2 cannot be compared"),
        ('experiments = ["g2"]\nplatforms = ["cpu", "mine.toml"]', "both called cpu"),
        ("\xff", "is not valid TOML"),
    ],
)
def test_what_a_file_lacks_or_does_not_know_is_told(guidelines, tmp_path, text, says):
    (tmp_path / "mine.toml").write_text('name = "cpu"\nbackend = "torch-cpu"\n')
    (tmp_path / "matrix.toml").write_text(text, encoding="latin-1")
    complains(guidelines("matrix", "matrix.toml"), 2, says)
    assert not (tmp_path / "results").exists()


def test_a_file_that_is_not_there_is_told_with_its_neighbour(guidelines, tmp_path):
    (tmp_path / "matrix.toml").write_text(SMALL)
    result = guidelines("matrix", "matrx.toml")
    complains(result, 2, "cannot be read: No such file", "Did you mean matrix.toml?")


def test_a_device_that_is_not_there_is_one_sentence_and_leaves_nothing(guidelines, tmp_path):
    (tmp_path / "matrix.toml").write_text('experiments = ["g4"]\nplatforms = ["cuda"]\n')
    result = guidelines("matrix", "matrix.toml")
    complains(result, 3, "Nothing could be measured. cuda-1t-fp32: ")
    assert [file.name for file in tmp_path.iterdir()] == ["matrix.toml"]


@pytest.mark.slow
def test_a_matrix_is_measured_continued_and_compared(command, guidelines, tmp_path):
    (tmp_path / "matrix.toml").write_text(
        'experiments = ["g4"]\nplatforms = ["cpu", "cpu-torch"]\nruns = 30\nprocesses = 1\n'
    )
    interrupted = command("matrix", "matrix.toml")
    wait_for(tmp_path / "results/runs/matrix/cpu-1t-fp32", "rounds", 2)
    interrupted.send_signal(signal.SIGINT)
    _, err = interrupted.communicate(timeout=60)
    assert interrupted.returncode == 130, err
    assert "continue with: the same command" in err
    code, out, err = guidelines("matrix", "matrix.toml")
    assert code == 0, err
    assert "2 of 2: cpu-torch-1t-fp32" in err
    first = run_folders.read_run(tmp_path / "results/runs/matrix/cpu-1t-fp32")
    assert (len(first.sessions), len(first.rounds)) == (2, 30)
    assert "Rank agreement" in out
    code, again, err = guidelines("matrix", "matrix.toml")
    assert (code, again) == (0, out), err
    assert err.count("is measured already") == 2
