"""The aarch64 wheels of a backend, each backend's in a folder of its own.

So what one runtime executes does not depend on which others were fetched.
"""

from __future__ import annotations

import importlib.metadata
import sys
from pathlib import Path

from guideline_benchmarks.results.errors import PlatformError
from guideline_benchmarks.results.record.backends import Backend

# Wheels for these versions of glibc are taken; the emulated one is newer.
MANYLINUX = ("manylinux2014", "manylinux_2_17", "manylinux_2_27", "manylinux_2_28")


def wanted(backend: Backend) -> list[str]:
    """Return what pip calls the packages of a backend, of the versions that are installed here.

    Raises PlatformError when one is not.
    """
    return [f"{name}=={_installed_here(name, backend)}" for name in backend.requirements]


def missing(backend: Backend, site: Path) -> str:
    """Return what pip calls the packages of a backend that a folder lacks, "" if it has all.

    Raises PlatformError when one is not installed here.
    """
    lacking = [
        f"{name} {version}"
        for name in backend.requirements
        if (version := _installed_here(name, backend)) not in _versions(name, site)
    ]
    return " and ".join(lacking)


def pip_command(wanted: list[str], python: str, site: Path) -> list[str]:
    """Return the words that install wheels for a version of Python on aarch64 into a folder."""
    platforms = [word for name in MANYLINUX for word in ("--platform", f"{name}_aarch64")]
    interpreter = ["--python-version", python, "--implementation", "cp"]
    pip = [sys.executable, "-m", "pip", "install", "-q", "--target", str(site)]
    return [*pip, *interpreter, "--only-binary=:all:", *platforms, *wanted]


def _installed_here(name: str, backend: Backend) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        raise PlatformError(
            f"The ARM emulator takes {name} of the version that is installed here, and none is: "
            f"pip install 'guideline-benchmarks[{backend.extra}]'."
        ) from None


def _versions(name: str, site: Path) -> list[str]:
    found = importlib.metadata.distributions(name=name, path=[str(site)])
    return [distribution.version for distribution in found]
