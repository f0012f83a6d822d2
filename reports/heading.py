"""What every report says of a run before its tables: where, how, and how far to trust it."""

from __future__ import annotations

import shlex

from results.schema import Run, Session


def describe(run: Run) -> list[tuple[str, str]]:
    """Return the run's platform, machine and protocol as pairs of a label and a text."""
    machine, protocol = run.fingerprint, run.protocol
    caches = ", ".join(f"{name} {size // 1024} KiB" for name, size in machine.caches.items())
    versions = ", ".join(f"{name} {version}" for name, version in machine.runtimes.items())
    virtual = f", {machine.virtualisation}" if machine.virtualisation else ""
    cores, threads = _count(machine.cores, "core"), _count(run.platform.threads, "thread")
    first = run.sessions[0] if run.sessions else None
    return [
        ("Platform", f"{run.platform.name} ({run.platform.description or run.platform.backend})"),
        ("Processor", f"{machine.cpu_model}, {cores}{virtual}; {caches or 'caches unknown'}"),
        ("System", f"{machine.os}, Python {machine.python}, {versions}"),
        (
            "Protocol",
            f"{_samples(run)}; {threads}, {protocol.channels} channel set, seed {protocol.seed}",
        ),
        ("Measured", f"{first.started if first else 'never'}{_load(run)}"),
        ("Command", "; ".join(shlex.join(session.command) for session in run.sessions)),
        ("Suite", "; ".join(dict.fromkeys(_suite(session) for session in run.sessions))),
    ]


def _samples(run: Run) -> str:
    if run.platform.counts:
        caches = ", and misses of the modelled caches" if run.protocol.caches else ""
        return (
            f"the least of {_count(run.protocol.runs, 'count')} of executed instructions{caches}, "
            "each cell in a fresh process"
        )
    measured = len({entry.process for entry in run.rounds})
    return f"{_count(len(run.rounds), 'sample')} a cell, from {_count(measured, 'fresh process')}"


def _count(number: int, what: str) -> str:
    plural = "es" if what.endswith("s") else "s"
    return f"{number} {what}{'' if number == 1 else plural}"


def _suite(session: Session) -> str:
    commit = f", commit {session.git_revision}" if session.git_revision else ""
    exporters = ", ".join(f"{name} {version}" for name, version in session.exporters.items())
    return f"{session.suite_version}{commit}; networks exported by {exporters}"


def _load(run: Run) -> str:
    loads = [
        load
        for process in run.processes
        for load in (process.load_start, process.load_end)
        if load is not None
    ]
    if run.platform.counts:
        return ""
    if not loads:
        return ", load unknown"
    return f", load average {min(loads):.1f} to {max(loads):.1f}"


def warnings(run: Run) -> list[str]:
    """Return what a reader must know before trusting the figures."""
    found = []
    if run.failures:
        found.append(f"{len(run.failures)} network(s) failed their proof and have no figures.")
    if run.platform.counts:
        found.insert(0, "Counted on an emulated core, where no time was taken: not a speed.")
        if not run.complete:
            found.append(
                f"Unfinished: {len(run.counts)} of {len(run.networks)} networks were counted."
            )
        return found
    if not run.complete:
        found.append(
            f"Unfinished: {len(run.rounds)} of {run.protocol.runs} samples a cell were measured."
        )
    if len(run.processes) < 2:
        found.append("One process alone: no interval can be given, so nothing is decided.")
    if len({process.core for process in run.processes}) > 1:
        found.append("The processes ran on different cores.")
    elif run.processes and run.processes[0].core is None:
        found.append("The workers could not be pinned to a core.")
    return found
