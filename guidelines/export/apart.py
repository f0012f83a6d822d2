"""A program of its own for the user's code: what it does there harms nothing here.

It is given a time limit and ends with this process, whatever it is doing.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

import psutil
from pydantic import BaseModel, ConfigDict, ValidationError

from guideline_benchmarks.results.errors import BadInputError, PlatformError
from guideline_benchmarks.results.record.cells import Tensor
from guideline_benchmarks.results.record.network_cost import NetworkCost
from guideline_benchmarks.results.store.files import keep_file
from guideline_benchmarks.runners.worker_process import NO_SPACE

PATIENCE, LONGEST_PATIENCE = 120.0, 30 * 24 * 3600.0
GOING_SECONDS = 5.0
# The folder of the suite's package.
ROOT = Path(__file__).parent.parent.parent.parent
# All that is packed: the program, what it shares with others, and what rooms ask for that are found
# by their short names.
PACKED = (
    "guideline_benchmarks/short_names.py",
    "guideline_benchmarks/guidelines/export/exporter/*.py",
    "guideline_benchmarks/networks/cost.py",
    "guideline_benchmarks/networks/layer_cost.py",
    "guideline_benchmarks/networks/onnx_cost.py",
    "guideline_benchmarks/networks/onnx_free.py",
    "guideline_benchmarks/runners/worker/backends/torch_structures.py",
)
MAIN = "from guideline_benchmarks.guidelines.export.exporter.main import main\nmain()\n"
MODEL, EXPECTED, VALUES, WEIGHTS = "model", "expected.npz", "values.npz", "weights"
FILES = (MODEL, EXPECTED, VALUES, WEIGHTS)


class Answer(BaseModel):
    """What an export found of a network (see results.record.cells.UserNetwork).

    `cost` is None where it cannot be counted; `fvcore_multiply_adds` is what fvcore counts, where
    that was asked for and it can.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    precision: Literal["fp32", "fp16", "bf16", "int8"]
    exported_by: dict[str, str]
    notes: tuple[str, ...]
    cost: NetworkCost | None
    fvcore_multiply_adds: int | None = None


@contextmanager
def exported(
    request: dict[str, Any], place: Path, python: str = "", patience: float = PATIENCE
) -> Iterator[tuple[Answer, Path]]:
    """Run an export (see guidelines.export.exporter); give its answer and the folder of its files.

    It is run by `python`, the suite's own if empty, for `patience` seconds at most. The folder lies
    in `place`, and is gone afterwards. Raises BadInputError, in one sentence, when the network
    cannot be exported, or its code ends or outstays the process; PlatformError when the disk is
    full.
    """
    with tempfile.TemporaryDirectory(prefix="exporting-", dir=place) as name:
        folder = Path(name).resolve()
        out = folder / "out"
        out.mkdir()
        archive = folder / "exporter.pyz"
        archive.write_bytes(packed(PACKED, MAIN))
        memory = psutil.virtual_memory().total
        limits = {"out": str(out), "memory": memory, "caller": os.getpid()}
        asked = folder / "request"
        asked.write_text(json.dumps(request | limits), encoding="utf-8")
        code = _run([python or sys.executable, str(archive), str(asked)], patience, request, out)
        yield _answer(out, request, code), out


def packed(patterns: Sequence[str], main: str = "") -> bytes:
    """Return files of the suite as one archive that Python can import from, and run if `main` is.

    The same sources make the same bytes.
    """
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as written:
        contents = {"__main__.py": main.encode()} if main else {}
        for pattern in patterns:
            for file in sorted(ROOT.glob(pattern)):
                name = file.relative_to(ROOT).as_posix()
                for folder in Path(name).parents[:-1]:
                    contents.setdefault(f"{folder}/__init__.py", b"")
                contents[name] = file.read_bytes()
        for name, content in contents.items():
            written.writestr(zipfile.ZipInfo(name), content)
    return archive.getvalue()


def networks_archive(cache: Path) -> Path:
    """Return an archive of the suite's networks, for a Python that has torch and no suite.

    A run measures some of them beside the user's. Raises as results.store.files.keep_file does.
    """
    content = packed([f"guideline_benchmarks/networks/{folder}*.py" for folder in ("", "whole/")])
    path = cache / f"networks-{hashlib.sha256(content).hexdigest()[:16]}.zip"
    keep_file(path, content)
    return path


def _run(command: list[str], patience: float, request: dict[str, Any], out: Path) -> int:
    """Run a command in a session of its own until it ends; return its exit code.

    What it prints goes to standard error. Raises BadInputError when it takes too long.
    """
    sys.stderr.flush()
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=2, stderr=2, start_new_session=True
        )
    except OSError as error:
        raise BadInputError(
            f"--python {command[0]} cannot be run ({error.strerror}): name a Python, say "
            "../.venv/bin/python."
        ) from None
    try:
        # Neither infinity nor what is no number is a time that a system can wait.
        return process.wait(patience if patience < LONGEST_PATIENCE else LONGEST_PATIENCE)
    except subprocess.TimeoutExpired:
        raise BadInputError(
            f"{request['model']} was still being {_stage(out)} after {patience:g} s, so it was "
            "ended: if it only takes long, allow it more with --patience SECONDS."
        ) from None
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it started, and wait until they are gone."""
    offspring: list[psutil.Process] = []
    with suppress(psutil.Error):
        offspring = psutil.Process(process.pid).children(recursive=True)
    for child in offspring:
        with suppress(psutil.Error):
            child.kill()
    deadline = time.monotonic() + GOING_SECONDS
    while time.monotonic() < deadline:
        # One that divides may just have done so, and large ones take a while to go.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if not _is_any_of(process.pid):
            break
        time.sleep(0.01)


def _is_any_of(group: int) -> bool:
    """Whether a process of a group still runs."""
    for process in psutil.process_iter(["status"]):
        with suppress(ProcessLookupError, PermissionError):
            if os.getpgid(process.pid) == group:
                return bool(process.info["status"] != psutil.STATUS_ZOMBIE)
    return False


def _stage(out: Path) -> str:
    try:
        return (out / "stage").read_text()
    except OSError:
        return "started"


def _answer(out: Path, request: dict[str, Any], code: int) -> Answer:
    """Return the answer that a process left. Raises BadInputError when it left none."""
    model = request["model"]
    try:
        found = json.loads((out / "answer").read_bytes())
    except (OSError, ValueError):
        found = None
    if isinstance(found, dict) and "refused" in found:
        if NO_SPACE in found["refused"] or not shutil.disk_usage(out).free:
            raise PlatformError(f"The disk is full: {model} could not be exported.")
        raise BadInputError(found["refused"])
    try:
        return Answer.model_validate(found)
    except ValidationError:
        raise BadInputError(f"{model} {_ended(code, _stage(out))}.") from None


def _ended(code: int, stage: str) -> str:
    """Say how a process ended that should not have."""
    while_ = f"while it was {stage}"
    if code == -signal.SIGKILL:
        return f"was killed {while_}, perhaps for want of memory"
    if code < 0:
        return f"crashed {while_} ({signal.strsignal(-code) or f'signal {-code}'})"
    return f"ended Python itself {while_} (exit status {code})"
