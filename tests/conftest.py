"""Settings for all tests, and the program as its users start it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from hypothesis import settings

# No test may depend on how fast the machine is.
settings.register_profile("suite", deadline=None)
settings.load_profile("suite")


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def command(cache, tmp_path):
    """Start `guidelines` in an empty folder, with a cache that the tests share."""

    def start(*arguments, **options):
        environment = os.environ | {"XDG_CACHE_HOME": str(cache)}
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
