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
    refused,
)
from guideline_benchmarks.guidelines.session.options import Options
from guideline_benchmarks.guidelines.session.planning import plan_on
from guideline_benchmarks.guidelines.session.runs import Plan
from guideline_benchmarks.results.errors import BadInputError, SuiteError, suggestion
from guideline_benchmarks.results.fleet.wanted import WantedRecord
from guideline_benchmarks.results.record.platform import Platform, Ssh
from guideline_benchmarks.runners.platform_file import checked, load_platform

# What is of no use where instructions are counted, so it is not meant for such devices.
OF_TIMES = {"runs": None, "processes": None, "threads": None}


@dataclass(frozen=True)
class Job:
    """One record that is to be measured: its name, the experiments, the platform, the options.

    `labgrid` is the place that is its device's lock, None where the board itself keeps one.
    """

    record: WantedRecord
    experiments: Sequence[str]
    platform: Platform
    options: Options
    labgrid: str | None

    def plan(self) -> Plan:
        """Return what it measures; raises as guidelines.session.planning.plan does."""
        return plan_on(select(self.experiments), self.platform, self.options)


def jobs_of(fleet: Fleet, path: Path) -> list[Job]:
    """Return the jobs of a fleet in the order of its file, device by device.

    Raises BadInputError that lists all that cannot be measured.
    """
    jobs, faults = [], []
    for device in fleet.device:
        try:
            found = list(_jobs(device, fleet))
        except SuiteError as error:
            faults.append(f"{device.name}: {error}")
            continue
        jobs += found
        faults += _impossible(found)
    faults += _two_at_one_place(jobs)
    if faults:
        raise refused(path, faults)
    return jobs


def _jobs(device: Device, fleet: Fleet) -> Iterator[Job]:
    """Yield the jobs of a device; raises BadInputError for what is none."""
    platform = load_platform(device.platform)
    general = fleet.run.model_copy(update=OF_TIMES) if platform.counts else fleet.run
    wishes = fleet.wishes(device, general)
    if wishes.experiments is None:
        raise BadInputError("no experiments are named: name them under [run], or for its tags.")
    select(wishes.experiments)
    axes = product(
        _platforms(platform, device, wishes),
        wishes.threads or [None],
        wishes.precisions or ["fp32"],
    )
    for chosen, threads, precision in dict.fromkeys(axes):
        runtime = chosen.backend.removesuffix("-cpu")
        yield Job(
            WantedRecord(
                device=device.name, name=f"{runtime}-{threads or chosen.threads}t-{precision}"
            ),
            wishes.experiments,
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
        for word in wishes.runtimes:
            if word not in RUNTIMES:
                raise BadInputError(f"there is no runtime {word!r}. {suggestion(word, RUNTIMES)}")
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
