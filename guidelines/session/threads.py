"""How many threads a platform is measured with: its own number, the one asked for, or all."""

from __future__ import annotations

from guideline_benchmarks.results.errors import BadInputError
from guideline_benchmarks.results.record.platform import MOST_THREADS, Platform
from guideline_benchmarks.results.store.files import cache_folder
from guideline_benchmarks.runners.claim import Claim
from guideline_benchmarks.runners.launcher import launcher_of, most_threads

ALL = "all"


def with_threads(
    platform: Platform,
    asked: str | None,
    core: str | None = None,
    claim: Claim | None = None,
    python: str = "",
) -> Platform:
    """Return the platform with the threads of `--threads`: a number, or "all"; None is its own.

    All are the cores that `core` names (see results.record.protocol.Protocol), or those of the
    fastest kind, as far as a worker can have them, which is started to look, under a claim and by
    a `python` (see runners.launcher.launcher_of). Raises BadInputError for anything else and where
    threads mean nothing, PlatformError where no worker starts.
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
        launcher = launcher_of(platform, cache_folder(), python=python, claim=claim)
        number = most_threads(platform, launcher, core)
    else:
        number = _number(asked)
    return platform.model_copy(update={"threads": number})


def _number(asked: str) -> int:
    """Return the number that was asked for. Raises BadInputError for any other."""
    digits = asked.isascii() and asked.isdecimal() and len(asked) <= len(f"{MOST_THREADS}")
    if not (digits and 1 <= int(asked) <= MOST_THREADS):
        raise BadInputError(
            f"--threads {asked[:20]!r} is neither a number from 1 to {MOST_THREADS} nor {ALL}."
        )
    return int(asked)
