"""How many threads a platform is measured with: its own number, the one asked for, or all."""

from __future__ import annotations

from guideline_benchmarks.results.errors import BadInputError
from guideline_benchmarks.results.record.platform import Fingerprint, Platform
from guideline_benchmarks.results.store.files import cache_folder
from guideline_benchmarks.runners.claim import Claim
from guideline_benchmarks.runners.launcher import identify, launcher_of
from guideline_benchmarks.runners.platform_file import checked
from guideline_benchmarks.runners.worker.machine.cores import numbers

ALL = "all"


def with_threads(
    platform: Platform, asked: str | None, core: str | None = None, claim: Claim | None = None
) -> Platform:
    """Return the platform with the threads of `--threads`: a number, or "all"; None is its own.

    All are the cores that `core` names (see results.record.protocol.Protocol), or those of the
    fastest kind; a worker is started to look, under a claim. Raises BadInputError for anything
    else and where threads mean nothing, PlatformError where no worker starts.
    """
    if asked is None:
        return platform
    if platform.counts or platform.on_gpu:
        why = "counts what one thread executes" if platform.counts else "runs on a GPU"
        raise BadInputError(
            f"--threads has no meaning on platform {platform.name}, which {why}: use it with a "
            "platform that is timed on a CPU."
        )
    if asked == ALL:
        found = identify(platform, launcher_of(platform, cache_folder(), claim=claim), core)
        return _with(platform, _cores(found, core))
    if not (asked.isascii() and asked.isdecimal()):
        raise BadInputError(f"--threads {asked} is neither a number nor {ALL}.")
    return _with(platform, int(asked))


def _with(platform: Platform, threads: int) -> Platform:
    return checked(platform.model_dump() | {"threads": threads}, "--threads")


def _cores(found: Fingerprint, core: str | None) -> int:
    """Return how many cores a machine has of the kind that is asked for, its fastest if None."""
    clusters = found.clusters
    if core is not None:
        named = [cluster.count for cluster in clusters if cluster.core.lower() == core.lower()]
        return named[0] if named else len(numbers(core))
    return min(found.cores, clusters[0].count) if clusters else found.cores
