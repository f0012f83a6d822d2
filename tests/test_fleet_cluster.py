"""A fleet on a Dask cluster that exists: a scheduler and two workers, started separately."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys

import pytest

from guideline_benchmarks.results.fleet.overview import read_overview
from guideline_benchmarks.results.store import run_folders
from tests.program import complains, wait_until

pytest.importorskip("distributed", reason="there is no Dask: make fleet installs it")

FLEET = """\
[run]
experiments = ["g2"]
runs = 2
processes = 1
[[device]]
name = "node-a"
platform = "cpu"
[[device]]
name = "node-b"
platform = "cpu"
"""


# Dask's programs, in an environment without the suite.
BARE = """
import importlib.metadata as found
known = found.version
found.version = lambda name: 1 / 0 if name == "guideline_benchmarks" else known(name)
from dask.__main__ import main
main()
"""

# Another than what this machine's own page has.
HOST = "127.0.0.2"


class Cluster:
    """A scheduler, and workers that each have one unit of the resource that is their name."""

    def __init__(self, folder):
        self.folder = folder
        self.processes = {}
        here = ["--host", HOST, "--port", "0", "--dashboard-address", f"{HOST}:0"]
        self.start("scheduler", "scheduler", *here)
        log = folder / "scheduler.log"
        wait_until(lambda: "Scheduler at" in log.read_text(), "the scheduler")
        self.address = re.search(r"Scheduler at:\s+(tcp://\S+)", log.read_text())[1]

    def start(self, name, *words, program=("-m", "dask")):
        log = (self.folder / f"{name}.log").open("wb")
        command = [sys.executable, *program, *words]
        self.processes[name] = subprocess.Popen(
            command, stdout=log, stderr=log, cwd=self.folder, start_new_session=True
        )

    def worker(self, name, **how):
        options = ["--nthreads", "1", "--no-nanny", "--no-dashboard", "--name", name]
        self.start(name, "worker", self.address, *options, "--resources", f"{name}=1", **how)

    def kill(self, name):
        process = self.processes.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait()


@pytest.fixture
def cluster(tmp_path):
    found = Cluster(tmp_path)
    yield found
    for name in [*found.processes]:
        found.kill(name)


def words(out):
    return {one.record.device: one.word for one in read_overview(out).standings}


@pytest.mark.alone
def test_workers_of_a_cluster_measure_the_machines_that_they_are_on(cluster, guidelines, tmp_path):
    file, out = tmp_path / "fleet.toml", tmp_path / "out"
    file.write_text(FLEET)
    drive = ["fleet", "run", file, "--out", out, "--scheduler", cluster.address]
    # There is no worker for the second device, so it is given up.
    cluster.worker("node-a")
    code, _, err = guidelines(*drive, "--patience", "0")
    assert (code, words(out)) == (1, {"node-a": "done", "node-b": "failed"}), err
    assert "no worker has the resource node-b=1" in err
    cluster.worker("node-b")
    code, said, err = guidelines(*drive)
    assert (code, words(out)) == (0, {"node-a": "done", "node-b": "done"}), err
    assert "compare.html" in said
    assert f"Dask's dashboard: http://{HOST}:" in err
    for device in ("node-a", "node-b"):
        run = run_folders.read_run(out / "devices" / device / "onnxruntime-1t-fp32")
        # Workers are started by that of Dask's, which lives on.
        assert run.platform.name == device
        assert len(run.rounds) == 2
    # What is there is not measured again, so nobody is needed.
    cluster.kill("scheduler")
    assert guidelines(*drive)[0] == 0


@pytest.mark.slow
def test_a_scheduler_that_is_killed_ends_the_fleet_and_loses_nothing(
    cluster, guidelines, command, tmp_path
):
    file, out = tmp_path / "fleet.toml", tmp_path / "out"
    file.write_text(FLEET.replace("runs = 2", "runs = 40"))
    drive = ["fleet", "run", file, "--out", out, "--scheduler", cluster.address]
    for name in ("node-a", "node-b"):
        cluster.worker(name)
    driver = command(*drive)
    folder = out / "devices/node-a/onnxruntime-1t-fp32"
    wait_until(lambda: run_folders.has_run(folder), "a round")
    cluster.kill("scheduler")
    _, err = driver.communicate(timeout=120)
    assert driver.returncode == 3, err
    assert "Traceback" not in err
    assert f"The scheduler at {cluster.address} is gone." in err
    stored = {one.record.device: one.state.stored for one in read_overview(out).standings}
    code, status, _ = guidelines("fleet", "status", out, "--json")
    assert code == 0
    assert {one["device"] for one in json.loads(status)} == {*stored}


def test_a_worker_whose_environment_has_no_suite_is_given_nothing(cluster, guidelines, tmp_path):
    file, out = tmp_path / "fleet.toml", tmp_path / "out"
    file.write_text(FLEET)
    cluster.worker("node-a", program=("-c", BARE))
    log = tmp_path / "node-a.log"
    wait_until(lambda: "Registered to" in log.read_text(), "the worker")
    found = guidelines("fleet", "run", file, "--out", out, "--scheduler", cluster.address)
    complains(found, 3, "is installed here and none where the worker at tcp://")
    assert {*words(out).values()} == {"queued"}


def test_a_scheduler_that_is_not_there_is_said(guidelines, tmp_path):
    file = tmp_path / "fleet.toml"
    file.write_text(FLEET)
    address = "tcp://127.0.0.1:9"
    drive = ["fleet", "run", file, "--out", tmp_path / "out", "--scheduler", address]
    complains(guidelines(*drive), 3, f"The scheduler at {address} does not answer")
    complains(guidelines(*drive[:-1], "nowhere"), 2, "nowhere is no scheduler's address")
