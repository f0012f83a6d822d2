"""Steps of the verification of a GPU: commands with a limit of time, and how each ended."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from guideline_benchmarks.reports.document import Document, Heading, Section, Table
from guideline_benchmarks.reports.formats.markdown import markdown
from guideline_benchmarks.results.errors import PlatformError
from guideline_benchmarks.results.store.files import write_file

KEPT = "attempts.json"
PAGE = "card.md"
TRACEBACK = "Traceback (most recent call last)"
# A run that is told to stop stores what it has.
STOPPING_SECONDS = 30.0
LONGEST_SAID = 300


@dataclass(frozen=True)
class Step:
    """A command of Python's, the most seconds it may take, and one that runs `beside` it."""

    name: str
    words: Sequence[str]
    seconds: float
    beside: Sequence[str] = ()
    # Whether all that it prints is worth showing.
    telling: bool = False


@dataclass(frozen=True)
class Attempt:
    """How a step ended: its exit code (None if it was cut off), its seconds, its last line."""

    command: str
    code: int | None
    seconds: float
    said: str
    traceback: bool

    def ended(self) -> str:
        """Return in a word or two how it ended."""
        # Whoever is cut off may say where it was.
        if self.code is None:
            return "cut off"
        if self.traceback:
            return "TRACEBACK"
        return "done" if self.code == 0 else f"exit {self.code}"


def log_of(step: Step, folder: Path) -> Path:
    """Return where what a step prints is kept."""
    return folder / "logs" / f"{step.name}.txt"


def attempt(step: Step, folder: Path, most: float = float("inf")) -> Attempt:
    """Run a step to its end, its limit, or for `most` seconds; what it prints goes to its log."""
    log = log_of(step, folder)
    log.parent.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    with log.open("w", encoding="utf-8") as output:
        try:
            with running(step.beside):
                code = ended(step, output, min(step.seconds, most))
        except PlatformError as error:
            code = error.exit_code
            output.write(f"{error}\n")
    text = log.read_text(encoding="utf-8", errors="replace")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return Attempt(
        command=" ".join(["python", *step.words]),
        code=code,
        seconds=round(time.monotonic() - began, 1),
        said=lines[-1][:LONGEST_SAID] if lines else "",
        traceback=TRACEBACK in text,
    )


def ended(step: Step, output: IO[str], seconds: float) -> int | None:
    """Run a step's command, which prints to a file; return its exit code, None if it took long."""
    process = subprocess.Popen(
        [sys.executable, *step.words],
        stdout=output,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        process_group=0,
    )
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        return None
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it began, at first as Ctrl-C does."""
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOPPING_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextmanager
def running(words: Sequence[str]) -> Iterator[None]:
    """Keep a program running beside, from its first line of output on; nothing without words.

    Raises PlatformError when it ends before it has begun.
    """
    if not words:
        yield
        return
    process = subprocess.Popen(
        [sys.executable, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        process_group=0,
    )
    with process:
        try:
            if process.stdout and not process.stdout.readline():
                raise PlatformError("The program that should run beside it ended at once.")
            yield
        finally:
            stop(process)


def kept(folder: Path) -> dict[str, Attempt]:
    """Return the attempts that a folder holds, by the names of their steps."""
    path = folder / KEPT
    if not path.exists():
        return {}
    return {name: Attempt(**found) for name, found in json.loads(path.read_text()).items()}


def publish(folder: Path, attempts: Mapping[str, Attempt], facts: Collection[str]) -> None:
    """Keep attempts in a folder, and write the page of them."""
    plain = {name: asdict(found) for name, found in attempts.items()}
    write_file(folder / KEPT, json.dumps(plain, indent=1))
    write_file(folder / PAGE, markdown(page(attempts, facts)))


def page(attempts: Mapping[str, Attempt], facts: Collection[str]) -> Document:
    """Return the page of attempts; `facts` are lines about the card."""
    headings = [
        Heading("step", numeric=False),
        Heading("ended", numeric=False),
        Heading("s"),
        Heading("its last line", numeric=False),
        Heading("command", numeric=False),
    ]
    rows = [
        [name, found.ended(), f"{found.seconds:.0f}", found.said, found.command]
        for name, found in attempts.items()
    ]
    table = Table("Steps, all of whose output is in logs/", headings, rows)
    return Document(
        name="card",
        title="The suite on this card",
        sections=[Section("", lines=list(facts), tables=[table])],
    )
