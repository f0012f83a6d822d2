"""Fleet files: what is measured on whom, and every fault in one list."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

from guideline_benchmarks.guidelines.session.fleet import jobs as fleet_jobs
from guideline_benchmarks.guidelines.session.fleet.jobs import read_jobs
from guideline_benchmarks.results.errors import BadInputError
from tests.program import complains

EXAMPLE = Path(__file__).parent.parent / "examples" / "fleet.toml"
RUN = '[run]\nexperiments = ["g2"]\nruns = 6\nprocesses = 2\n'
CPU = '[[device]]\nname = "desk"\nplatform = "cpu"\n'

NAME = (
    "at most 100 small letters, digits, dots, dashes and underscores, of which the first is a "
    "letter or a digit"
)


@pytest.fixture(autouse=True)
def here(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    # Another machine's configuration of ssh must not reach into tests.
    monkeypatch.setattr(fleet_jobs, "resolved", lambda way: f"{way.host}:{way.port or 22}")


def jobs(text):
    file = Path("fleet.toml")
    file.write_text(text)
    return read_jobs(file)


def faults(text):
    with pytest.raises(BadInputError) as refused:
        jobs(text)
    error = refused.value
    return list(error.faults) or [str(error).removeprefix("Fleet file fleet.toml: ")]


def device(name, platform, more=""):
    return f'[[device]]\nname = "{name}"\nplatform = "{platform}"\n{more}\n'


def asked(job):
    options = job.options
    return (
        f"{job.record.device}/{job.record.name}",
        job.experiments,
        job.platform.backend,
        options.runs,
        options.processes,
        options.threads,
        options.precision,
    )


def test_a_device_measures_what_all_do():
    assert [asked(job) for job in jobs(RUN + CPU)] == [
        ("desk/onnxruntime-1t-fp32", ("g2",), "onnxruntime-cpu", 6, 2, None, "fp32")
    ]


def test_all_combinations_are_records_of_their_own():
    more = 'run = { runtimes = ["onnxruntime", "openvino"], threads = [1, 2], precisions = '
    more += '["fp32", "int8"] }'
    found = jobs(RUN + device("desk", "cpu", more))
    assert len({job.record.name for job in found}) == len(found) == 8
    assert {job.platform.backend for job in found} == {"onnxruntime-cpu", "openvino-cpu"}
    assert {job.plan().platform.threads for job in found} == {1, 2}
    # Whatever the runtime, it is this device's.
    assert {job.platform.name for job in found} == {"desk"}


def test_a_tag_goes_over_what_all_do_and_a_device_over_its_tags():
    text = RUN + '[tags.slow]\nruns = 4\nexperiments = ["g3"]\n[tags.small]\nruns = 2\n'
    text += device("a", "cpu", 'tags = ["slow"]')
    text += device("b", "cpu", 'tags = ["slow", "small"]')
    text += device("c", "cpu", 'tags = ["small", "slow"]\nrun = { experiments = ["g1"] }')
    assert [(job.options.runs, job.experiments) for job in jobs(text)] == [
        (4, ("g3",)),
        (2, ("g3",)),
        (4, ("g1",)),
    ]


def test_samples_are_not_meant_for_what_counts_instructions():
    (job,) = jobs(RUN + device("a57", "arm-emulated"))
    assert (job.options.runs, job.options.processes) == (None, None)


def test_a_platform_file_is_found_from_the_fleet_files_folder():
    Path("lab").mkdir()
    Path("lab/board.toml").write_text(
        'name = "x"\nbackend = "onnxruntime-cpu"\ntransport = "ssh"\n[ssh]\nhost = "pi"\n'
    )
    Path("lab/fleet.toml").write_text(RUN + device("pi5", "board.toml"))
    (job,) = read_jobs(Path("lab/fleet.toml"))
    assert job.platform.ssh.host == "pi"
    assert job.platform.name == "pi5"
    # One that is not there is looked for as any other is.
    (job,) = jobs(RUN + device("pi5", "lab/board.toml"))
    assert job.platform.ssh.host == "pi"


def test_how_many_cores_are_all_only_the_device_can_tell():
    (job,) = jobs(RUN + device("pi5", "ssh:pi@host", 'run = { threads = ["all"] }'))
    assert job.record.name == "onnxruntime-allt-fp32"
    assert job.options.threads == "all"


def test_every_fault_of_form_is_in_one_list():
    text = '[run]\nexperiments = ["g9", "g8"]\nrun = 3\nprocesses = 0\n[tags.quad]\nthreads = [0]\n'
    text += '[tags.nobody]\n[[device]]\nname = "a/b"\nplatform = "cpu"\ntags = ["quad"]\n'
    text += '[[device]]\nplatform = "cpu"\n' + device("c", "cpuu") + device("c", "cpu")
    assert faults(text) == [
        "run: experiments: There is no experiment 'g9'. Did you mean g4? There is no "
        "experiment 'g8'. Did you mean g4?",
        "run: processes must be a number of processes, 1 or more; 0 is not.",
        "run: there is no key 'run'. Did you mean runs?",
        'tags.quad: threads must be a list of numbers from 1 to 256, or ["all"]; 0 is not.',
        f"device 1 (a/b): name must be {NAME}; 'a/b' is not.",
        f"device 2: name is missing: {NAME}.",
        "tags.nobody: no device has the tag 'nobody'. Known: quad.",
        "2 devices are called c: give each a name of its own.",
        "c: There is no platform 'cpuu'. Did you mean cpu? The path of a .toml file works too, and "
        "ssh:user@host for a board.",
    ]


def test_a_misspelt_tag_is_noticed_where_another_device_has_it_right():
    text = RUN + "[tags.quad]\nruns = 4\n" + device("a", "cpu", 'tags = ["quad"]')
    assert faults(text + device("b", "cpu", 'tags = ["quda"]'))[0].endswith(
        "there is no table [tags.quda], and a device has this tag. Did you mean quad?"
    )
    # Without any table, too.
    assert (
        "there is no table [tags.small]" in faults(RUN + device("a", "cpu", 'tags = ["small"]'))[0]
    )


def test_a_faulty_key_of_a_device_hides_no_other_fault_of_it():
    text = RUN + device("Pi", "ssh:", "colour = 3\nrun = { runs = 0, threads = [4] }")
    text += device("a57", "arm-emulated", "run = { runs = -1, threads = [2] }")
    said = faults(text)
    assert [fault.partition(": ")[0] for fault in said] == [
        "device 1 (Pi)",
        "device 1 (Pi)",
        "device 1 (Pi)",
        "device 2 (a57)",
        "device-1",
        "a57",
    ]
    assert "--threads has no meaning" in said[-1]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (RUN, "device is missing: a [[device]] for each."),
        (CPU, "run is missing: a table with experiments."),
        ("[run]\n" + CPU, "no experiments are named"),
        (RUN + device("d", "cpu", 'run = { runtimes = ["nccn"] }'), "no runtime 'nccn'"),
        (RUN + device("d", "cpu", 'run = { precisions = ["bf16"] }'), "--precision bf16 is none"),
        (RUN + device("d", "cpu", "run = { runs = 1 }"), "--processes 2 is more than --runs 1"),
        (RUN + device("d", "arm-emulated", "run = { threads = [2] }"), "--threads has no meaning"),
        (RUN + device("d", "cuda", 'run = { runtimes = ["torch"] }'), "runtimes are of CPUs"),
        (RUN + CPU + "tags = 3\n", "tags must be a list of names of tags; 3 is not."),
        (
            RUN + device("a", "ssh:pi@host") + device("b", "ssh:root@host"),
            "a and b are one board, host:22",
        ),
    ],
)
def test_a_fault_is_one_sentence(text, said):
    (fault,) = faults(text)
    assert said in fault


@pytest.mark.parametrize("text", ["device = 3\nrun = 4\n", "run = []\n", "[[device]]\n", "x = 1\n"])
def test_a_file_of_nothing_that_fits_is_refused(text):
    assert faults(text)


def test_the_program_prints_a_line_for_each_fault(guidelines, tmp_path):
    file = tmp_path / "fleet.toml"
    file.write_text(RUN + device("a", "cpuu") + device("b", "cpu", "colour = 3"))
    code, out, err = guidelines("fleet", "run", file)
    assert (code, out) == (2, "")
    first, *rest = err.splitlines()
    assert first == f"guidelines: Fleet file {file} has 2 faults:"
    assert [line[:2] for line in rest] == ["  ", "  "]
    complains(guidelines("fleet", "run", tmp_path / "none.toml"), 2, "cannot be read")


def test_the_example_and_the_files_of_the_docs_are_fleets(tmp_path):
    example = EXAMPLE.read_text()
    page = (EXAMPLE.parent.parent / "docs" / "fleet.md").read_text()
    blocks = [textwrap.dedent(block) for block in re.findall(r"```toml\n(.*?)```", page, re.DOTALL)]
    assert blocks[0].strip() in example
    # Which the page has the reader write.
    board = 'name = "jetson"\nbackend = "onnxruntime-cpu"\ntransport = "ssh"\n[ssh]\nhost = "j"\n'
    (tmp_path / "jetson-1.toml").write_text(board)
    names = [{job.record.device for job in jobs(block)} for block in (example, *blocks)]
    assert names == [
        {"desk", "pi5", "a57"},
        {"desk", "pi5", "a57"},
        {"pi5-1", "jetson-1"},
        {"node-01", "node-02"},
    ]
