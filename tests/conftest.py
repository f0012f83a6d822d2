"""Settings for all tests, and the program as its users start it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
from hypothesis import settings

from results.errors import PlatformError
from runners.emulator import install

# No test may depend on how fast the machine is.
settings.register_profile("suite", deadline=None)
settings.load_profile("suite")

# A shell lets its background jobs, and all that they start, ignore Ctrl-C; tests press it.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def emulator(cache):
    """The ARM emulator, set up where it is not yet; tests of it are skipped where it cannot be."""
    folder = install.default_folder()
    try:
        found = install.install(folder, lambda _: None)
    except PlatformError as error:
        pytest.skip(f"the ARM emulator cannot be set up: {error}")
    place = cache / "guideline-benchmarks" / folder.name
    place.parent.mkdir(exist_ok=True)
    place.symlink_to(folder)
    return found


@pytest.fixture
def command(cache, tmp_path):
    """Start `guidelines` in an empty folder, with a cache that the tests share."""

    def start(*arguments, environment=None, **options):
        environment = os.environ | {"XDG_CACHE_HOME": str(cache)} | (environment or {})
        return subprocess.Popen(
            [sys.executable, "-m", "guidelines", *map(str, arguments)],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            **options,
        )

    return start


@pytest.fixture
def guidelines(command):
    """Run `guidelines` to its end; return exit code, standard output, standard error."""

    def finish(*arguments):
        process = command(*arguments)
        out, err = process.communicate(timeout=300)
        return process.returncode, out, err

    return finish
