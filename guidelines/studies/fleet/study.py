"""What a fleet costs and what it stands, on boards of this machine that replay recorded times.

`python -m guideline_benchmarks.guidelines.studies.fleet.study FOLDER [SEED]` prints a table of it
in Markdown: the wall time of 20 boards beside that of the slowest alone, the memory and the status
of 200, and 100 faults at random moments. It takes about half an hour. As root, it fills a disk of
its own as well.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from guideline_benchmarks.guidelines.studies.fleet import faults
from guideline_benchmarks.guidelines.studies.fleet.boards import (
    EXPERIMENT,
    client,
    fleet_file,
    overlaps,
    running,
)
from guideline_benchmarks.guidelines.studies.fleet.faults import Driver
from guideline_benchmarks.guidelines.studies.fleet.loopback import Board
from guideline_benchmarks.results.fleet.overview import read_overview
from guideline_benchmarks.results.record.schema import Run
from guideline_benchmarks.results.store import run_folders

PROGRAM = [sys.executable, "-m", "guideline_benchmarks.guidelines"]
FEW, MANY, FAULTS = 20, 200, 100
# How many times slower than this machine boards replay what it took; the last is the slowest.
SCALES = [10 + 10 * number / (FEW - 1) for number in range(FEW)]
# Seconds between faults on average, and how much slower boards are than that while there are any.
GAP, LONGER = 2.5, 2.5
ROUNDS, PROCESSES = 100, 5
# Boards of the fleet of many have little to do.
SHORT_ROUNDS, SHORT_PROCESSES = 10, 2
# Room for all boards' networks and records, and little more.
DISK_BYTES = 3 << 30


@dataclass
class Driven:
    """A fleet that was driven: how long it took in seconds, and the most memory in bytes."""

    seconds: float
    memory: int = 0
    status_seconds: list[float] = field(default_factory=list)


def recorded(folder: Path) -> Run:
    """Measure on this machine what boards replay, unless the folder holds it; return it."""
    if not run_folders.has_run(folder):
        samples = ["--runs", str(ROUNDS), "--processes", str(PROCESSES)]
        measure = ["run", EXPERIMENT, *samples, "--out", str(folder), "--quiet"]
        subprocess.run([*PROGRAM, *measure], check=True)
    return run_folders.read_run(folder)


def command(file: Path, out: Path) -> list[str]:
    """Return the words that drive a fleet."""
    return [*PROGRAM, "fleet", "run", str(file), "--out", str(out)]


def drive(folder: Path, boards: Sequence[Board], rounds: int, processes: int) -> Driven:
    """Drive a fleet of boards from its beginning to its end, and ask it for its status."""
    file = fleet_file(folder, boards, rounds, processes)
    out, began = folder / "out", time.monotonic()
    driver = Driver(command(file, out), client(folder, boards), folder / "driver.log")
    driver.start()
    driven = Driven(0.0)
    while not faults.ended(driver.process):
        driven.memory = max(driven.memory, faults.resident(driver.process))
        # The comparison at the end is no measuring.
        if not driven.seconds and _all_are(out, "done"):
            driven.seconds = time.monotonic() - began
        time.sleep(0.5)
    if driver.process.returncode:
        raise SystemExit((folder / "driver.log").read_text())
    for _ in range(5):
        asked = time.monotonic()
        subprocess.run([*PROGRAM, "fleet", "status", str(out)], check=True, capture_output=True)
        driven.status_seconds.append(time.monotonic() - asked)
    return driven


def _all_are(out: Path, word: str) -> bool:
    if not (out / "fleet.json").exists():
        return False
    return {one.word for one in read_overview(out).standings} == {word}


def unlike(out: Path, boards: Sequence[Board], whole: Run) -> list[str]:
    """Return which records are not complete, or differ from one without faults in their samples."""
    wanted = [entry.order for entry in whole.rounds]
    found = []
    for board in boards:
        name = board.folder.name
        run = run_folders.read_run(out / "devices" / name / "onnxruntime-1t-fp32")
        if [entry.order for entry in run.rounds] != wanted:
            found.append(name)
    return found


def main(folder: Path, seed: int = 0) -> None:
    """Do the study in a folder, and print its table."""
    run = recorded(folder / "recorded")
    print("| what | asked for | found |\n| --- | --- | --- |", flush=True)
    _wall_time(folder / "wall", run)
    _many(folder / "many", run)
    _faults(folder / "faults", run, seed)


def _say(what: str, asked: str, found: str) -> None:
    print(f"| {what} | {asked} | {found} |", flush=True)


def _wall_time(folder: Path, run: Run) -> None:
    with running(folder / "boards", run, SCALES, folder / "logs") as boards:
        (folder / "alone").mkdir()
        (folder / "all").mkdir()
        alone = drive(folder / "alone", boards[-1:], ROUNDS, PROCESSES)
        together = drive(folder / "all", boards, ROUNDS, PROCESSES)
    _say(
        f"wall time of {FEW} boards over that of the slowest alone",
        "at most 1.15",
        f"{together.seconds / alone.seconds:.2f} "
        f"({together.seconds:.0f} s / {alone.seconds:.0f} s)",
    )


def _many(folder: Path, run: Run) -> None:
    with running(folder / "boards", run, [1.0] * MANY, folder / "logs") as boards:
        driven = drive(folder, boards, SHORT_ROUNDS, SHORT_PROCESSES)
    _say(
        f"most memory of the driver of {MANY} boards",
        "at most 2 GB",
        f"{driven.memory / 1e9:.2f} GB",
    )
    slowest = max(driven.status_seconds)
    _say(f"`guidelines fleet status` of {MANY}", "under 2 s", f"{slowest:.2f} s, worst of 5")


def _faults(folder: Path, run: Run, seed: int) -> None:
    folder.mkdir()
    scales = [LONGER * scale for scale in SCALES]
    with ExitStack() as stack:
        disk = folder if faults.is_root() else None
        if disk:
            size = f"size={DISK_BYTES}"
            subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(disk)], check=True)
            stack.callback(subprocess.run, ["umount", "-l", str(disk)], check=True)
        logs = folder.with_name(f"{folder.name}-logs")
        boards = stack.enter_context(running(folder / "boards", run, scales, logs))
        file, out = fleet_file(folder, boards, ROUNDS, PROCESSES), folder / "out"
        driver = Driver(command(file, out), client(folder, boards), folder.with_suffix(".log"))
        driver.start()
        began = time.monotonic()
        made = faults.inject(
            FAULTS, boards, driver, disk, GAP, seed, lambda: not faults.ended(driver.process)
        )
        driver.process.wait()
        seconds = time.monotonic() - began
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(made.items()))
        _say(
            f"faults over {FEW} boards", f"{FAULTS}", f"{made.total()} in {seconds:.0f} s: {kinds}"
        )
        wrong = unlike(out, boards, run)
        _say(
            "records complete and equal to those without faults in number and order of samples",
            f"{FEW} of {FEW}",
            f"{FEW - len(wrong)} of {FEW}",
        )
        both = [said for board in boards for said in overlaps(board, logs)]
        _say(
            "moments with two measurements on a board", "0", f"{len(both)} {' '.join(both)}".strip()
        )
        _say("exit code of the last driver", "0", str(driver.process.returncode))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:3]))
