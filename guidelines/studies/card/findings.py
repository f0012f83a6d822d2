"""What is asked of a GPU's clocks, caches and ceilings, and whether what was measured holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median_low, stdev

# Steps of the events' clock, in ns, that tell networks of 100 µs apart by 1 %.
LONGEST_STEP = 1000
# What the events may differ from the host's clock over a long time.
CLOCKS_APART = 0.01
# What a profiler that was used may take of what comes after it.
SLOWED = 0.01
# What writes over the cache may leave in it, and from when on that can be told.
MOST_LEFT, TOLD_APART = 0.05, 1.1
# So many standard errors are taken for chance.
ERRORS = 2
# Samples in which the host's time may show.
MOST_SHOWN = 0.02
# What the clock read after a sample may differ from the one read during it.
CLOCK_READ_APART = 0.05
# Multiply-adds that a multiprocessor does in a cycle in float32, by compute capability (CUDA C++
# Programming Guide, "Throughput of Native Arithmetic Instructions").
LANES = {"6.0": 64, "7.0": 64, "7.2": 64, "7.5": 64, "8.0": 64}
LANES_ELSE = 128
# Memory hands over two bits a line and cycle of the clock that the driver tells.
PER_CYCLE, BYTE = 2, 8
WORDS = {True: "holds", False: "DOES NOT HOLD", None: "look"}
# A ceiling that is less of what the card is built for has not been reached, or is another thing.
LEAST_OF_PEAK = 0.5


@dataclass(frozen=True)
class Finding:
    """What was looked into, found and asked for; `holds` is None where a person must judge."""

    what: str
    found: str
    asked: str = ""
    holds: bool | None = None


def of_events(overhead_ns: int, step_ns: int | None) -> Finding:
    """Judge the steps of the events' clock; `overhead_ns` is an interval with nothing in it."""
    step = "none seen" if step_ns is None else f"{step_ns} ns"
    found = f"{step}, an empty interval {overhead_ns} ns"
    holds = None if step_ns is None else step_ns <= LONGEST_STEP
    return Finding("the least step of events", found, f"at most {LONGEST_STEP} ns", holds)


def of_clocks(events_ns: int, host_ns: int) -> Finding:
    """Judge the events' clock by the host's, over the same long work."""
    what = f"events over the host's clock, {host_ns / 1e9:.1f} s"
    return _of_ratio(what, events_ns / host_ns, CLOCKS_APART)


def of_flush(part: float, blocks: Sequence[tuple[float, float, float]]) -> Finding:
    """Judge how much of an array one overwriting of the cache leaves there.

    The array is that part of the cache's size. Every block of samples tells in how many ns it was
    read from the cache, after one overwriting, and after several, which surely leave nothing.
    """
    what = f"of an array of {part:g} of the cache, left in it after one flush"
    hot, flushed, thorough = (fmean(times) for times in zip(*blocks, strict=True))
    times = f"read in {hot / 1e3:.2f}, {flushed / 1e3:.2f}, {thorough / 1e3:.2f} µs"
    asked = f"at most {MOST_LEFT:.0%}"
    if thorough < TOLD_APART * hot:
        return Finding(what, f"cannot be told: {times}", asked)
    left = (thorough - flushed) / (thorough - hot)
    error = stdev(many - one for _, one, many in blocks) / len(blocks) ** 0.5 / (thorough - hot)
    found = f"{left:.1%}, standard error {error:.1%} ({times})"
    return Finding(what, found, asked, left - ERRORS * error <= MOST_LEFT)


def of_profiler(before: float, after: float) -> Finding:
    """Judge a graph's time (ns) after the profiler was used by that before."""
    return _of_ratio("a graph after the profiler was used, over before", after / before, SLOWED)


def of_launches(shown: Mapping[str, int], samples: int) -> Finding:
    """Judge in how many of `samples` of each network the host was late."""
    worst = max(shown, key=lambda name: shown[name])
    share = sum(shown.values()) / (samples * len(shown))
    return Finding(
        "samples of graphs in which the host's time shows",
        f"{share:.1%}, of {worst} {shown[worst] / samples:.1%}",
        f"at most {MOST_SHOWN:.0%}",
        share <= MOST_SHOWN,
    )


def of_clock_readings(during: Sequence[int], after: Sequence[int], smi: str) -> Finding:
    """Judge the multiprocessors' clock (MHz) read after samples by that read during them.

    `smi` is what nvidia-smi says meanwhile.
    """
    what = "the clock read after samples over that during them"
    if not during or not after:
        return Finding(what, "the driver shows none")
    then, now = median_low(during), median_low(after)
    readings = f" ({now} and {then} MHz; nvidia-smi: {smi})"
    return _of_ratio(what, now / then, CLOCK_READ_APART, readings)


def of_waking(samples: Sequence[Mapping[str, int]]) -> Finding:
    """Tell what the first of these samples after a rest was like beside the later ones."""
    later = samples[len(samples) // 2 :]
    usual = median_low(sample["ns"] for sample in later)
    first = samples[0]
    return Finding(
        "the first sample after a rest over later ones",
        f"{first['ns'] / usual:.2f}, at {first['sm_mhz']} and {later[-1]['sm_mhz']} MHz; "
        f"{sum(sample['discarded'] for sample in samples)} of {len(samples)} were taken again",
    )


def of_bandwidth(bytes_per_second: float, memory_mhz: int | None, bus_bits: int | None) -> Finding:
    """Judge the bandwidth of copies between large arrays by what the memory is built for."""
    peak = PER_CYCLE * (memory_mhz or 0) * 1e6 * (bus_bits or 0) / BYTE
    return _of_peak("copies between large arrays", bytes_per_second / 1e9, peak / 1e9, "GB/s")


def of_product(
    per_second: float, multiprocessors: int, boost_mhz: int | None, capability: str
) -> Finding:
    """Judge the float32 multiply-adds a second of a product by what the card is built for."""
    peak = multiprocessors * (boost_mhz or 0) * 1e6 * LANES.get(capability, LANES_ELSE)
    what = "a product of matrices in float32"
    return _of_peak(what, per_second / 1e12, peak / 1e12, "T multiply-adds/s")


def _of_ratio(what: str, ratio: float, apart: float, more: str = "") -> Finding:
    return Finding(what, f"{ratio:.4f}{more}", f"1 ± {apart}", abs(ratio - 1) <= apart)


def _of_peak(what: str, reached: float, peak: float, unit: str) -> Finding:
    asked = f"{LEAST_OF_PEAK:.0%} to 100 % of the built-in peak"
    if not peak:
        return Finding(what, f"{reached:.4g} {unit}; the driver does not tell what it could be")
    share = reached / peak
    found = f"{reached:.4g} of {peak:.4g} {unit}, {share:.0%}"
    return Finding(what, found, asked, LEAST_OF_PEAK <= share <= 1)


def line(found: Finding) -> str:
    """Return a finding as one line."""
    asked = f" (asked: {found.asked})" if found.asked else ""
    return f"{WORDS[found.holds]}: {found.what}: {found.found}{asked}"
