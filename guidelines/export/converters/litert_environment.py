"""The environment in which networks are converted for LiteRT: a virtual one, made on request.

Google's converter, litert-torch, wants older versions of what this suite uses. So it is installed
beside the suite, into an environment that sees the suite's packages behind its own: torch is used
in place, not fetched again.
"""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from guideline_benchmarks.results.errors import PlatformError
from guideline_benchmarks.results.store.files import CACHE, cache_folder, write_file
from guideline_benchmarks.results.store.whole_folder import make_folder

# The last ones that were tried with the suite's torch.
PACKAGES = ("litert-torch==0.10.0", "ai-edge-quantizer==0.10.0")
VERSIONS = "versions.json"
SETUP = "`guidelines litert-converter` (in a checkout: make litert-converter)"


@dataclass(frozen=True)
class Versions:
    """What an environment was made of; another one is made when any of it changes.

    `packages` are what pip was asked for, `suite` is the environment whose packages it sees.
    """

    packages: tuple[str, ...] = PACKAGES
    suite: str = sys.prefix


def default_folder() -> Path:
    """Return where the environment is set up."""
    return cache_folder() / "litert-converter"


def installed(folder: Path) -> Path:
    """Return the Python of the environment in `folder`.

    Raises PlatformError when there is none, or one that was made for another Python.
    """
    python = _python(folder)
    try:
        found = json.loads((folder / VERSIONS).read_bytes())
    except (OSError, ValueError):
        raise PlatformError(
            f"Networks cannot be converted for LiteRT, whose converter is not set up: {SETUP} does "
            "it (1 GB, some minutes, once)."
        ) from None
    if found != json.loads(json.dumps(asdict(Versions()))) or not python.exists():
        raise PlatformError(
            "LiteRT's converter is damaged, or was set up for another Python or version of this "
            f"suite: {SETUP} sets it up anew."
        )
    return python


def install(folder: Path, pip_words: Sequence[str], tell: Callable[[str], None]) -> Path:
    """Set up the environment in `folder`, whole or not at all, and return its Python.

    One that is there already and fits is left as it is. `pip_words` are further arguments for pip;
    `tell` gets a line before each step. Raises PlatformError where it cannot be set up.
    """
    try:
        return installed(folder)
    except PlatformError:
        pass

    def fill(fresh: Path) -> None:
        tell("Making an environment")
        # Copies and links alike still find their Python when the folder is renamed.
        venv.create(fresh, with_pip=True)
        own = Path(sysconfig.get_path("purelib", "venv", {"base": str(fresh)}))
        (own / "suite.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
        tell(f"Installing {' and '.join(PACKAGES)}: about 1 GB")
        _pip(_python(fresh), pip_words)
        write_file(fresh / VERSIONS, json.dumps(asdict(Versions())), CACHE)

    make_folder(folder, fill)
    return _python(folder)


def _python(folder: Path) -> Path:
    return folder / "bin" / "python"


def _pip(python: Path, words: Sequence[str]) -> None:
    """Install what converts; raises PlatformError with the last line that pip prints."""
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run(
        [*command, *words, *PACKAGES],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise PlatformError(
            f"LiteRT's converter cannot be installed: {said[-1] if said else 'pip says nothing'}"
        )
