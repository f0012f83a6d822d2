"""From programs of torch.export's to LiteRT's files, by Google's converter litert-torch.

It runs in an environment of its own (see litert_environment), as a program that stays for all
networks: starting it takes longer than converting one.
"""

from __future__ import annotations

import atexit
import json
import subprocess
import tempfile
import textwrap
from functools import cache
from pathlib import Path
from typing import IO, Any, cast

from guideline_benchmarks.guidelines.export.converters import litert_environment
from guideline_benchmarks.results.errors import BadInputError, PlatformError

PROGRAM = Path(__file__).with_name("litert_program.py")
_LONGEST_REASON = 300
_DONE = {"convert": "converted", "quantise": "quantised"}


def versions() -> dict[str, str]:
    """Return the versions of what converts; raises PlatformError when it is not set up."""
    litert_environment.installed(litert_environment.default_folder())
    return dict(package.split("==") for package in litert_environment.PACKAGES)


def convert(model: bytes) -> bytes:
    """Return a program of torch.export's as a .tflite file, whose images have channels last.

    Raises PlatformError when the converter is not set up or ends, and BadInputError for what it
    cannot convert.
    """
    with tempfile.TemporaryDirectory() as name:
        program, made = Path(name) / "program.pt2", Path(name) / "model.tflite"
        program.write_bytes(model)
        ask({"do": "convert", "program": str(program), "model": str(made)})
        return made.read_bytes()


def ask(request: dict[str, str]) -> dict[str, Any]:
    """Have the program do something (see litert_program); return its answer.

    Raises PlatformError when it is not set up or ends, and BadInputError with its reason where it
    cannot do that.
    """
    folder = litert_environment.default_folder()
    process = _running(litert_environment.installed(folder))
    try:
        requests, answers = cast(IO[str], process.stdin), cast(IO[str], process.stdout)
        requests.write(json.dumps(request) + "\n")
        requests.flush()
        answer: dict[str, Any] = json.loads(answers.readline())
    except (OSError, ValueError):
        _running.cache_clear()
        raise _broken(f"ended unasked (exit code {process.wait()})", folder) from None
    if "missing" in answer:
        raise _broken(f"does not start ({_shortened(answer['missing'])})", folder)
    if "refused" in answer:
        reason = _shortened(answer["refused"])
        raise BadInputError(f"This network cannot be {_DONE[request['do']]} for LiteRT: {reason}.")
    return answer


def _broken(how: str, folder: Path) -> PlatformError:
    setup = litert_environment.SETUP
    return PlatformError(
        f"LiteRT's converter {how}: remove {folder} and set it up anew with {setup}."
    )


def _shortened(text: str) -> str:
    return textwrap.shorten(" ".join(text.split()), _LONGEST_REASON).rstrip(".")


@cache
def _running(python: Path) -> subprocess.Popen[str]:
    """Start the program that converts; it ends with this one."""
    process = subprocess.Popen(
        [str(python), str(PROGRAM)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    atexit.register(process.kill)
    return process
