"""The jobs of a fleet: which record of which device is measured how."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path

from guideline_benchmarks.guidelines.catalogue import select
from guideline_benchmarks.guidelines.session.fleet.fleet_file import (
    RUNTIMES,
    Device,
    Fleet,
    Wishes,
    parsed,
)
from guideline_benchmarks.guidelines.session.matrix_file import Threads
from guideline_benchmarks.guidelines.session.options import Options
from guideline_benchmarks.guidelines.session.planning import plan_on
from guideline_benchmarks.guidelines.session.runs import Plan
from guideline_benchmarks.results.errors import BadInputError, SuiteError
from guideline_benchmarks.results.fleet.wanted import WantedRecord
from guideline_benchmarks.results.record.platform import Platform, Ssh
from guideline_benchmarks.results.record.protocol import Precision
from guideline_benchmarks.results.store.toml_file import read_toml
from guideline_benchmarks.runners.claim import Claim
from guideline_benchmarks.runners.platform_file import checked, load_platform

WHAT = "Fleet file"
# What is of no use where instructions are counted, so it is not meant for such devices.
OF_TIMES = {"runs": None, "processes": None, "threads": None}


@dataclass(frozen=True)
class Job:
    """One record that is to be measured: its name, the experiments, the platform, the options.

    `labgrid` is the place that is its device's lock, None where the board itself keeps one.
    """

    record: WantedRecord
    experiments: tuple[str, ...]
    platform: Platform
    options: Options
    labgrid: str | None

    def plan(self, claim: Claim | None = None) -> Plan:
        """Return what it measures, under a claim; raises as guidelines.session.planning.plan."""
        return plan_on(select(self.experiments), self.platform, self.options, claim)


def read_jobs(path: Path) -> list[Job]:
    """Return the jobs of a fleet file, device by device, all of it checked.

    No machine is reached for that. Raises BadInputError that lists all faults.
    """
    fleet, faults = parsed(read_toml(path, WHAT))
    jobs: list[Job] = []
    if fleet is None:
        raise _refused(path, faults)
    for device in fleet.device:
        try:
            found = list(_jobs(device, fleet, path))
        except SuiteError as error:
            faults.append(f"{device.name}: {error}")
            continue
        jobs += found
        faults += _impossible(found)
    faults += _two_at_one_place(jobs)
    if faults:
        raise _refused(path, faults)
    return jobs


def _refused(path: Path, faults: Sequence[str]) -> BadInputError:
    if len(faults) == 1:
        return BadInputError(f"{WHAT} {path}: {faults[0]}")
    return BadInputError(f"{WHAT} {path} has {len(faults)} faults:", faults)


def _jobs(device: Device, fleet: Fleet, path: Path) -> Iterator[Job]:
    """Yield the jobs of a device; raises BadInputError for what is none."""
    # A platform file is looked for in the fleet file's folder first.
    named, beside = device.platform, path.parent / device.platform
    is_there = named.endswith(".toml") and beside.is_file()
    platform = load_platform(str(beside) if is_there else named)
    general = fleet.run.model_copy(update=OF_TIMES) if platform.counts else fleet.run
    wishes = fleet.wishes(device, general)
    if wishes.experiments is None:
        raise BadInputError("no experiments are named: name them under [run], or for its tags.")
    numbers: Sequence[Threads | None] = wishes.threads or [None]
    precisions: Sequence[Precision] = wishes.precisions or ["fp32"]
    axes = product(_platforms(platform, device, wishes), numbers, precisions)
    for chosen, threads, precision in dict.fromkeys(axes):
        runtime = chosen.backend.removesuffix("-cpu")
        yield Job(
            WantedRecord(
                device=device.name, name=f"{runtime}-{threads or chosen.threads}t-{precision}"
            ),
            tuple(wishes.experiments),
            chosen,
            Options(
                runs=wishes.runs,
                processes=wishes.processes,
                threads=None if threads in (None, chosen.threads) else str(threads),
                precision=precision,
            ),
            device.labgrid,
        )


def _platforms(platform: Platform, device: Device, wishes: Wishes) -> list[Platform]:
    """Return a device's platform with each runtime that is asked for, called like the device."""
    if wishes.runtimes is None:
        backends = [platform.backend]
    else:
        if platform.on_gpu:
            raise BadInputError(
                f"runtimes are of CPUs, and platform {platform.name} runs on a GPU: leave them out "
                "for this device."
            )
        backends = [RUNTIMES[word] for word in wishes.runtimes]
    content = platform.model_dump() | {"name": device.name}
    if wishes.runtimes is not None and backends != [platform.backend]:
        content["description"] = ""
    return [checked(content | {"backend": backend}, device.platform) for backend in backends]


def _impossible(jobs: Sequence[Job]) -> list[str]:
    """Say what of some jobs a platform cannot do, without reaching any machine."""
    faults = []
    for job in jobs:
        # How many cores all are, only the device can tell.
        known = job.options.threads != "all"
        try:
            if known:
                job.plan()
        except SuiteError as error:
            faults.append(f"{job.record.device}: {error}")
    return list(dict.fromkeys(faults))


def _two_at_one_place(jobs: Sequence[Job]) -> list[str]:
    """Say which devices are one board, as OpenSSH understands their addresses."""
    places: dict[str, str] = {}
    faults = []
    for job in jobs:
        if job.platform.ssh is None:
            continue
        device, place = job.record.device, resolved(job.platform.ssh)
        first = places.setdefault(place, device)
        if first != device:
            faults.append(
                f"{first} and {device} are one board, {place}: name it once, with all that it is "
                "to measure."
            )
    return list(dict.fromkeys(faults))


@cache
def resolved(way: Ssh) -> str:
    """Return "host:port" of a board, as ssh's own configuration resolves its name."""
    port = ["-p", str(way.port)] if way.port else []
    try:
        done = subprocess.run(
            ["ssh", "-G", *port, "--", way.host], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return f"{way.host}:{way.port or 22}"
    said = dict(line.split(" ", 1) for line in done.stdout.splitlines() if " " in line)
    return f"{said.get('hostname', way.host)}:{said.get('port', '22')}"
