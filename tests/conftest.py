"""Settings for all tests, and the program as its users start it."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import settings

from guideline_benchmarks.guidelines.export.converters import litert_environment
from guideline_benchmarks.guidelines.studies.fleet import loopback
from guideline_benchmarks.results.errors import PlatformError
from guideline_benchmarks.results.record.backends import backend
from guideline_benchmarks.runners.emulator import install
from tests.program import wait_until

# No test may depend on how fast the machine is.
settings.register_profile("suite", deadline=None)
settings.load_profile("suite")

# Variables that the suite reads when it is asked something, and that change no start of Python.
OF_THE_SUITE = {
    "GITHUB_ACTIONS",
    "GITHUB_STEP_SUMMARY",
    "GUIDELINES_MACHINE",
    "PATH",
    "XDG_CACHE_HOME",
}

# A shell lets its background jobs, and all that they start, ignore Ctrl-C; tests press it.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_xdist_auto_num_workers():
    """Have two workers for each core: tests wait about as long as they work."""
    return 2 * (os.cpu_count() or 1)


def pytest_configure():
    """Give each worker of pytest-xdist cores of its own, or one that few others have.

    Whatever is measured is kept on the last core that there is, so all would share that one.
    """
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker and hasattr(os, "sched_setaffinity"):
        workers = int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
        number, cores = int(worker.removeprefix("gw")), sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, cores[number::workers] or cores[number % len(cores) :][:1])


@pytest.fixture
def several_cores():
    """Let a test, and what it starts, use all cores of the machine; skip it where there is one."""
    if not hasattr(os, "sched_setaffinity"):
        pytest.skip("this system cannot pin")
    kept = os.sched_getaffinity(0)
    os.sched_setaffinity(0, range(os.cpu_count()))
    several = len(os.sched_getaffinity(0)) > 1
    try:
        if not several:
            pytest.skip("there is one core here")
        yield
    finally:
        os.sched_setaffinity(0, kept)


@pytest.fixture(scope="session")
def shared_root(tmp_path_factory, request):
    """A folder that all workers of pytest-xdist share."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if hasattr(request.config, "workerinput") else own


@pytest.fixture(autouse=True)
def alone(request, shared_root):
    """Let tests that are marked so wait for one another, whichever worker has them."""
    if request.node.get_closest_marker("alone") is None:
        yield
    else:
        with FileLock(shared_root / "alone.lock"):
            yield


@pytest.fixture(scope="session")
def made_once(shared_root):
    """Have a folder made by the first worker that asks for it; the others wait, and take it."""

    def take(name, make):
        folder = shared_root / name
        with FileLock(shared_root / f"{name}.lock"):
            if not folder.exists():
                unfinished = shared_root / f"{name}.unfinished"
                unfinished.mkdir()
                make(unfinished)
                unfinished.rename(folder)
        return folder

    return take


@pytest.fixture(scope="session")
def cache(made_once):
    """The cache of everything that the tests export or count; LiteRT's converter is this user's."""

    def make(folder):
        own, converter = folder / "guideline-benchmarks", litert_environment.default_folder()
        own.mkdir()
        if converter.exists():
            (own / converter.name).symlink_to(converter)

    return made_once("cache", make)


@pytest.fixture(scope="session")
def networks(cache):
    """Where the cache has the networks that tests export, for those that start no program."""
    return cache / "guideline-benchmarks"


@pytest.fixture(scope="session")
def emulator_of(cache):
    """Set up the ARM emulator with a backend's runtime; skip the test where it cannot be."""
    folder = install.default_folder()
    place = cache / "guideline-benchmarks" / folder.name

    def set_up(name):
        try:
            with FileLock(f"{place}.lock"):
                found = install.install(folder, backend(name), lambda _: None)
                if not place.exists():
                    place.symlink_to(folder)
        except PlatformError as error:
            pytest.skip(f"the ARM emulator cannot be set up: {error}")
        return found

    return set_up


@pytest.fixture(scope="session")
def emulator(emulator_of):
    """The ARM emulator with ONNX Runtime."""
    return emulator_of(install.DEFAULT_BACKEND)


@pytest.fixture(scope="session")
def ready_python(tmp_path_factory):
    """A program that stands for Python, and has imported already what takes long."""
    if not hasattr(os, "pidfd_open"):
        return sys.executable
    folder = tmp_path_factory.mktemp("ready")
    tests, place, program = Path(__file__).parent, folder / "socket", folder / "python"
    server = subprocess.Popen(
        [sys.executable, tests / "ready_python.py", place],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    command = shlex.join([sys.executable, "-IS", str(tests / "ready_client.py"), str(place)])
    program.write_text(f'#!/bin/sh\nexec {command} "$0" "$@"\n')
    program.chmod(0o700)
    wait_until(place.exists, "a Python that is ready", 300)
    yield str(program)
    server.stdin.close()
    server.wait()


@pytest.fixture
def quick_exports(ready_python, monkeypatch):
    """Let what this process starts as Python be ready at once."""
    monkeypatch.setattr(sys, "executable", ready_python)


@pytest.fixture(scope="session")
def start(cache):
    """Start `guidelines` in a folder, with a cache that the tests share.

    `python` starts it, and `program` are the words that do.
    """

    def start(
        *arguments,
        folder,
        environment=None,
        python=sys.executable,
        program=("-m", "guidelines"),
        **options,
    ):
        environment = os.environ | {"XDG_CACHE_HOME": str(cache)} | (environment or {})
        return subprocess.Popen(
            [python, *program, *map(str, arguments)],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            **options,
        )

    return start


@pytest.fixture(scope="session")
def once(made_once, start, ready_python):
    """Run `guidelines` once for all tests, in a folder that `prepare` fills.

    Return that folder, for tests that only look or take a copy, with exit code, standard output and
    standard error.
    """

    def run(name, *arguments, prepare=lambda folder: None):
        def make(folder):
            prepare(folder)
            process = start(*arguments, folder=folder, python=ready_python)
            out, err = process.communicate()
            said = json.dumps([process.returncode, out, err])
            (folder.parent / f"{name}.said").write_text(said)

        folder = made_once(name, make)
        return folder, json.loads((folder.parent / f"{name}.said").read_text())

    return run


@pytest.fixture(scope="session")
def listed_networks(once):
    """What `guidelines networks --json` prints, run once for all tests: counting takes long."""
    code, out, err = once("networks", "networks", "--json")[1]
    assert code == 0, err
    return json.loads(out)


@pytest.fixture
def command(start, tmp_path):
    """Start `guidelines` in an empty folder."""
    return partial(start, folder=tmp_path)


@pytest.fixture
def guidelines(command, ready_python):
    """Run `guidelines` to its end; return exit code, standard output, standard error.

    With other limits, or an environment that may change how Python starts, it is started as users
    do; so is each `command`.
    """

    def finish(*arguments, **options):
        variables = options.get("environment", {}).keys() - OF_THE_SUITE
        changed = variables or "preexec_fn" in options
        python = sys.executable if changed else ready_python
        process = command(*arguments, python=python, **options)
        out, err = process.communicate(timeout=300)
        return process.returncode, out, err

    return finish


@pytest.fixture(scope="session")
def board(emulator, tmp_path_factory):
    missing = loopback.missing()
    if missing:
        pytest.skip(f"no board can be set up: {missing}")
    found = loopback.start(tmp_path_factory.mktemp("board"), emulator.command())
    yield found
    found.server.terminate()
    found.server.wait()


@pytest.fixture
def on_path(board, monkeypatch):
    """The client that knows the board is this machine's ssh."""
    monkeypatch.setenv("PATH", board.path)


@pytest.fixture
def finished(command, board, ready_python):
    """Run `guidelines` to its end with the board's ssh; return exit code, output, complaints."""

    def finish(*words):
        process = command(*words, environment={"PATH": board.path}, python=ready_python)
        out, err = process.communicate(timeout=300)
        return process.returncode, out, err

    return finish


@pytest.fixture
def machines(monkeypatch, tmp_path):
    """The machines of a fleet (see tests.fleet_machines, which most tests do without)."""
    from tests.fleet_machines import stand_in

    return stand_in(monkeypatch, tmp_path)
