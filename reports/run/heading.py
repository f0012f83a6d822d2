"""What every report says of a run before its tables: where, how, and how far to trust it."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence

from guideline_benchmarks.reports.layout import figure_name, significant, spread_text
from guideline_benchmarks.reports.run.gpu import describe_gpu, gpu_warnings
from guideline_benchmarks.reports.run.models import describe_models
from guideline_benchmarks.reports.run.roofline import describe_ceilings
from guideline_benchmarks.results.cost_model.cost_model import CostModel
from guideline_benchmarks.results.record.counters import InstructionCounter
from guideline_benchmarks.results.record.parts import Session
from guideline_benchmarks.results.record.platform import Cluster, Machine
from guideline_benchmarks.results.record.schema import Run
from guideline_benchmarks.results.statistics.disturbed import busy_run, farthest_apart
from guideline_benchmarks.results.statistics.stopping import complete, worst_error
from guideline_benchmarks.results.tables.metric import metric_of
from guideline_benchmarks.results.tables.spread import spread_of
from guideline_benchmarks.results.tables.threads import ONE_ALONE, threads_busy

# How many times as long a control's median time may be in one process as in another.
FAR_APART = 2.0


def describe(run: Run) -> list[tuple[str, str]]:
    """Return the run's platform, machine and protocol as pairs of a label and a text."""
    machine, protocol = run.fingerprint, run.protocol
    first = run.sessions[0] if run.sessions else None
    return [
        ("Platform", f"{run.label} ({run.platform.description or run.platform.backend})"),
        ("Processor", processor(machine)),
        *([("Machine", machine.machine)] if machine.machine else []),
        ("System", f"{machine.os}, Python {machine.python}, {machine.software}"),
        (
            "Protocol",
            f"{_samples(run)}; {_threads(run)}, {protocol.channels} channel set, "
            f"seed {protocol.seed}",
        ),
        *_spread(run),
        *describe_gpu(run),
        *describe_models(run),
        *describe_ceilings(run),
        *([("Model", _model(run.model))] if run.model else []),
        (
            metric_of(run).taken,
            f"{first.started if first else 'never'}{_load(run)}{_kept(run)}",
        ),
        ("Command", "; ".join(shlex.join(session.command) for session in run.sessions)),
        ("Suite", "; ".join(dict.fromkeys(_suite(session) for session in run.sessions))),
    ]


def _spread(run: Run) -> list[tuple[str, str]]:
    """Say with which spread relative speeds were made; nothing of one process, or without any."""
    spread = spread_of(run)
    if spread is None:
        return []
    text = spread_text(spread)
    return [("Spread", f"{text[0].upper()}{text[1:]}")]


def _model(model: CostModel) -> str:
    costs = " + ".join(
        f"{significant(coefficient.ns)} ns · {figure_name(name)}"
        for name, coefficient in model.coefficients.items()
    )
    return f"{model.name}: {costs}; {model.core}, {model.caches}; fitted on {model.fitted_on}"


def processor(machine: Machine) -> str:
    """Return the kinds of cores of a machine, fastest first, with their clocks; and its caches."""
    caches = ", ".join(f"{name} {size // 1024} KiB" for name, size in machine.caches.items())
    virtual = f", {machine.virtualisation}" if machine.virtualisation else ""
    if len(machine.clusters) > 1:
        kinds = " + ".join(_cluster(cluster) for cluster in machine.clusters)
        brand = "" if machine.clusters[0].cpus else f"{machine.cpu_model}: "
        cores = f"{brand}{kinds}"
    else:
        clock = "".join(f", {_clock(cluster)}" for cluster in machine.clusters if _clock(cluster))
        cores = f"{machine.cpu_model}, {_count(machine.cores, 'core')}{clock}"
    return f"{cores}{virtual}; {caches or 'caches unknown'}"


def _cluster(cluster: Cluster) -> str:
    numbers = f"cores {_numbers(cluster.cpus)}" if cluster.cpus else ""
    known = ", ".join(text for text in (numbers, _clock(cluster)) if text)
    return f"{cluster.core} ×{cluster.count}" + (f" ({known})" if known else "")


def _clock(cluster: Cluster) -> str:
    """Return a cluster's range of frequencies, "" if its highest is not known."""
    if cluster.max_mhz is None:
        return ""
    lowest = f"{cluster.min_mhz} to " if cluster.min_mhz else "up to "
    return f"{lowest}{cluster.max_mhz} MHz"


def _numbers(cpus: Sequence[int]) -> str:
    """Return numbers in a row as "4-7", others one by one; as the worker does by itself."""
    if len(cpus) > 1 and list(cpus) == list(range(cpus[0], cpus[-1] + 1)):
        return f"{cpus[0]}-{cpus[-1]}"
    return ",".join(map(str, cpus))


def cores_text(core: int | Sequence[int] | None, clusters: Sequence[Cluster]) -> str:
    """Say which core, or cores, a worker was kept on; "" for none.

    Of several clusters, the one that they belong to is named.
    """
    cpus = [core] if isinstance(core, int) else core
    if not cpus:
        return ""
    names = [cluster.core for cluster in clusters if {*cpus} & {*cluster.cpus}]
    kind = f" ({', '.join(names)})" if len(clusters) > 1 and names else ""
    return f"core{'s' if len(cpus) > 1 else ''} {_numbers(cpus)}{kind}"


def _threads(run: Run) -> str:
    """Say how many threads there were, on which cores, and of several how many were busy."""
    busy = threads_busy(run)
    kept = "" if busy is None else f" ({busy:.2f} of them busy in the mean)"
    return f"{_count(run.platform.threads, 'thread')}{_kept_on(run)}{kept}"


def _kept_on(run: Run) -> str:
    """Say on which cores the workers were kept, if all were kept on the same."""
    kept = {cores_text(process.core, run.fingerprint.clusters) for process in run.processes}
    where = kept.pop() if len(kept) == 1 else ""
    return f" on {where}" if where else ""


def _samples(run: Run) -> str:
    if not metric_of(run).noisy:
        caches = ", and misses of the modelled caches" if run.protocol.caches else ""
        return (
            f"the least of {_count(run.protocol.runs, 'count')} of executed instructions{caches}, "
            "each cell in a fresh process"
        )
    measured = len({entry.process for entry in run.rounds})
    taken = f"{_count(len(run.rounds), 'sample')} a cell, from {_count(measured, 'fresh process')}"
    stop = run.protocol.stop
    if stop is None:
        return taken
    wanted = f"{100 * stop.relative_error:g}"
    return f"{taken}, until all medians are within {wanted} % or for {stop.seconds:g} s"


def _count(number: int, what: str) -> str:
    plural = "es" if what.endswith("s") else "s"
    return f"{number} {what}{'' if number == 1 else plural}"


def _suite(session: Session) -> str:
    commit = f", commit {session.git_revision}" if session.git_revision else ""
    exporters = ", ".join(f"{name} {version}" for name, version in session.exporters.items())
    return f"{session.suite_version}{commit}; networks exported by {exporters}"


def _kept(run: Run) -> str:
    """Say how many of a run's counts were made before it, and since when."""
    kept = [c.started for c in run.counts if c.started < run.sessions[c.session].started]
    return (
        f"; {len(kept)} of {len(run.counts)} networks before, from {min(kept)} on" if kept else ""
    )


def _load(run: Run) -> str:
    loads = [
        load
        for process in run.processes
        for load in (process.load_start, process.load_end)
        if load is not None
    ]
    if not metric_of(run).noisy:
        return ""
    if not loads:
        return ", load unknown"
    return f", load average {min(loads):.1f} to {max(loads):.1f}"


def _not_reached(run: Run) -> list[str]:
    """Say how far a run is from its stopping rule if it ended because its time was up."""
    stop = run.protocol.stop
    if stop is None or not complete(run):
        return []
    name, error = worst_error(run)
    if error <= stop.relative_error:
        return []
    wanted = f"{100 * stop.relative_error:g}"
    if not math.isfinite(error):
        return [f"The time was up before any error was known; {wanted} % was asked for."]
    return [
        f"The time was up before all medians were within {wanted} %: the relative standard error "
        f"of {name} is {significant(100 * error)} %."
    ]


def _disturbed(run: Run) -> list[str]:
    """Say what shows that other programs ran beside a run: the load, and processes far apart."""
    found = list(filter(None, [busy_run(run)]))
    name, apart = farthest_apart(run)
    if apart > FAR_APART:
        found.append(
            f"{name} took {apart:.1f} times as long in one process as in another: the machine was "
            "disturbed, or changed its clock. Trust no figure beyond its interval."
        )
    return found


def _idle_threads(run: Run) -> list[str]:
    """Say where a runtime did not use the threads that it was given."""
    busy = threads_busy(run)
    if busy is None or busy >= ONE_ALONE:
        return []
    return [
        f"Of {run.platform.threads} threads one alone was busy ({busy:.2f} in the mean): the "
        "runtime ignored the setting, or other programs held the cores. These are no figures of "
        "several."
    ]


def _no_times(counter: InstructionCounter, model: CostModel | None) -> str:
    """Say what the figures are of a run that was counted."""
    if model is None:
        return counter.heading
    return (
        "All times are modelled from counts on an emulated core. None was measured, here or on any "
        f"other machine. The fit saw {model.fitted_on}: of what it saw, its times are no test."
    )


def warnings(run: Run) -> list[str]:
    """Return what a reader must know before trusting the figures."""
    found = []
    if run.failures:
        found.append(f"{len(run.failures)} network(s) failed their proof and have no figures.")
    if run.platform.counter:
        found.insert(0, _no_times(run.platform.counter, run.model))
        if not complete(run):
            found.append(
                f"Unfinished: {len(run.counts)} of {len(run.networks)} networks were counted."
            )
        return found
    if not complete(run):
        found.append(
            f"Unfinished: {len(run.rounds)} of {run.protocol.runs} samples a cell were measured."
        )
    found += [*_idle_threads(run), *_disturbed(run), *_not_reached(run), *gpu_warnings(run)]
    if len(run.processes) < 2:
        found.append("One process alone: no interval can be given, so nothing is decided.")
    if len({str(process.core) for process in run.processes}) > 1:
        found.append("The processes ran on different cores.")
    elif run.processes and run.processes[0].core is None:
        found.append("The workers could not be pinned to a core.")
    return found
