"""When an interval is so wide that it says nothing, defined here and nowhere else."""

from __future__ import annotations

from guideline_benchmarks.results.statistics.verdict import Interval

# Of what is above 0, times and ratios: how many times its lower end the upper one may be.
WIDEST_RATIO = 10.0
# Of a share, in percent of the whole.
WIDEST_SHARE = 50.0
# What is said in the place of a figure without a meaning.
NOT_RESOLVED = "not resolved"


def resolves(interval: Interval) -> bool:
    """Whether the interval of a time or a ratio tells its order of magnitude."""
    low, high = interval
    return low > 0 and high <= WIDEST_RATIO * low


def bracketed(interval: Interval) -> str:
    """Return the interval of a ratio as text: "[1.041, 1.063]", or that it says nothing."""
    ends = "{:.3f}, {:.3f}".format(*interval) if resolves(interval) else NOT_RESOLVED
    return f"[{ends}]"


def resolves_share(interval: Interval) -> bool:
    """Whether the interval of a share, in percent, leaves out half of the whole."""
    low, high = interval
    return high - low <= WIDEST_SHARE
