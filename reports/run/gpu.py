"""What a report says of a GPU: its card, its clocks, and samples beside the usual ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from guideline_benchmarks.reports.document import MISSING, Table
from guideline_benchmarks.reports.layout import (
    by_cell,
    interval_text,
    percents_text,
    significant,
)
from guideline_benchmarks.reports.run.beside_paper import (
    beside_paper,
    paper_relative_speed,
    paper_speed,
)
from guideline_benchmarks.results.record.platform import LEAST_CLOCK, Gpu
from guideline_benchmarks.results.record.samples import by_process
from guideline_benchmarks.results.record.schema import Run
from guideline_benchmarks.results.tables.summary import CellResult, Column, kinds_beside

# A network shorter than so many steps of the clock is timed too coarsely.
LEAST_STEPS = 100
MODES = ("graph", "eager", "paper")


def beside_tables(run: Run, columns: Sequence[Column]) -> list[Table]:
    """Return the tables of samples taken beside the usual ones, those alone that there are."""
    kinds = kinds_beside(run)
    tables = []
    if "eager" in kinds:
        tables += [_relative_speeds_by_mode(run, columns), _launch_cost(columns)]
    if "cold" in kinds:
        tables.append(_cold(run, columns))
    return tables


def speeds_by_mode(run: Run, columns: Sequence[Column], captions: tuple[str, str]) -> Table:
    """Return speeds as a graph and operator by operator, the paper's beside them.

    For `captions` see reports.run.paper.
    """

    def entries(result: CellResult) -> list[str]:
        timings = (result.timing, result.beside.get("eager"))
        return [significant(timing.speed) if timing else MISSING for timing in timings]

    return beside_paper(run, columns, captions, MODES, entries, paper_speed)


def _relative_speeds_by_mode(run: Run, columns: Sequence[Column]) -> Table:
    def entries(result: CellResult) -> list[str]:
        timings = (result.timing, result.beside.get("eager"))
        relative = [timing and timing.relative_speed for timing in timings]
        return [f"{value:.3f}" if value is not None else MISSING for value in relative]

    captions = (
        f"Speed relative to {columns[0].experiment.base}: as one CUDA graph, eager",
        ", and on the paper's {device}",
    )
    return beside_paper(run, columns, captions, MODES, entries, paper_relative_speed)


def _launch_cost(columns: Sequence[Column]) -> Table:
    def entries(result: CellResult) -> list[str]:
        eager = result.beside.get("eager")
        ratio = result.slow_down("eager")
        if result.timing is None or eager is None or ratio is None:
            return [MISSING] * 4
        # Of one image's time, what goes when it is launched as a whole.
        ends = ratio[1] and [max(0.0, 100 * (1 - 1 / end)) for end in ratio[1]]
        interval = (ends[0], ends[1]) if ends else None
        return [
            significant(1e3 * result.timing.median_ms),
            significant(1e3 * eager.median_ms),
            f"{_percent(1 - 1 / ratio[0])} %" if ratio[0] >= 1 else "none",
            percents_text(interval, 0) or MISSING,
        ]

    caption = (
        "Time in µs (medians), and how much of the eager time is launching: what a graph saves, "
        "with its 95 % interval"
    )
    return by_cell(columns, caption, ["graph", "eager", "launch cost", "interval"], entries)


def _percent(fraction: float) -> str:
    # Adding 0.0 makes a negative zero positive.
    return f"{round(100 * fraction) + 0.0:.0f}"


def _cold(run: Run, columns: Sequence[Column]) -> Table:
    def entries(result: CellResult) -> list[str]:
        cold, ratio = result.beside.get("cold"), result.slow_down("cold")
        if result.timing is None or cold is None or ratio is None:
            return [MISSING] * 6
        relative = [timing.relative_speed for timing in (result.timing, cold)]
        return [
            significant(1e3 * result.timing.median_ms),
            significant(1e3 * cold.median_ms),
            f"{ratio[0]:.3f} {interval_text(ratio[1], '{:.3f}'.format)}".rstrip(),
            *(f"{value:.3f}" if value is not None else MISSING for value in relative),
            _layout(run, result.cell.name),
        ]

    base = columns[0].experiment.base
    caption = (
        "Hot (right after itself) and cold (after the second-level cache was overwritten): time in "
        f"µs (medians), cold over hot, speed relative to {base}, and the faster memory layout "
        "(with how many processes found it so)"
    )
    titles = ["hot, µs", "cold, µs", "cold / hot", "hot, relative", "cold, relative", "layout"]
    return by_cell(columns, caption, titles, entries)


def describe_gpu(run: Run) -> list[tuple[str, str]]:
    """Return the card and how it was as pairs of a label and a text; none without a card."""
    gpu = run.fingerprint.gpu
    if gpu is None:
        return []
    return [("GPU", f"{_card(gpu)}; {_measured_as(run)}"), ("Card state", _states(run))]


def _card(gpu: Gpu) -> str:
    clocks = f"up to {gpu.boost_mhz} MHz" if gpu.boost_mhz else "clock unknown"
    settings = [
        f"{name} {'on' if value else 'off'}"
        for name, value in (("ECC", gpu.ecc), ("MIG", gpu.mig))
        if value is not None
    ]
    parts = [
        gpu.name,
        f"compute capability {gpu.compute_capability}",
        f"{gpu.multiprocessors} multiprocessors {clocks}",
        f"memory {gpu.memory / 2**30:.0f} GiB",
        f"L2 {gpu.l2_cache / 2**20:.0f} MiB",
        *settings,
    ]
    return ", ".join(parts)


def _measured_as(run: Run) -> str:
    """Say in which precision and memory layouts networks ran, and how fine events are."""
    layouts = Counter(layout for process in run.processes for layout in process.layouts.values())
    total = sum(layouts.values())
    shares = [f"{name} {100 * count / total:.0f} %" for name, count in layouts.most_common()]
    said = [f"precision {run.protocol.precision}"]
    said += [f"memory layouts: {', '.join(shares)}"] if shares else []
    clock = next((process.clock for process in run.processes if process.clock), None)
    if clock is not None:
        step = f"{clock.resolution_ns} ns" if clock.resolution_ns else "too fine to see"
        said.append(f"events: an empty interval {clock.overhead_ns} ns, steps of {step}")
    return "; ".join(said)


def _states(run: Run) -> str:
    cards = [entry.card for entry in run.rounds if entry.card is not None]
    clocks = [mhz for entry in run.rounds for mhz in entry.sm_mhz]
    reasons = Counter(reason for card in cards for reason in card.throttle or ())
    spans: dict[str, Sequence[float]] = {
        "MHz": clocks,
        "°C": [card.temperature_c for card in cards if card.temperature_c is not None],
        "W": [card.power_w for card in cards if card.power_w is not None],
    }
    said = [
        f"{min(values):.0f} to {max(values):.0f} {unit}" for unit, values in spans.items() if values
    ]
    said += [f"{reason} in {count} of {len(cards)} rounds" for reason, count in reasons.items()]
    discarded = sum(sum(entry.discarded) for entry in run.rounds)
    low = _kept_at_a_low_clock(run)
    said.append(f"{discarded} samples discarded at a low clock, {low} kept")
    return ", ".join(said) if cards or clocks else "not shown by the driver"


def _kept_at_a_low_clock(run: Run) -> int:
    gpu = run.fingerprint.gpu
    if gpu is None or gpu.boost_mhz is None:
        return 0
    least = LEAST_CLOCK * gpu.boost_mhz
    return sum(mhz < least for entry in run.rounds for mhz in entry.sm_mhz)


def gpu_warnings(run: Run) -> list[str]:
    """Return what a reader must know of the card before trusting the figures."""
    if run.fingerprint.gpu is None:
        return []
    found = []
    low = _kept_at_a_low_clock(run)
    if low:
        found.append(
            f"{low} samples were taken below {100 * LEAST_CLOCK:.0f} % of the card's highest clock "
            "and kept, since it got no faster: see the card's state."
        )
    elif not any(entry.sm_mhz for entry in run.rounds):
        found.append("The card's clock was not shown: nothing could be discarded for a low one.")
    found += _launches_that_show(run)
    steps = [p.clock.resolution_ns for p in run.processes if p.clock and p.clock.resolution_ns]
    if steps and run.rounds:
        shortest = min(ns for entry in run.rounds for ns in entry.ns)
        if shortest < LEAST_STEPS * max(steps):
            found.append(
                f"The shortest sample, {significant(shortest / 1e3)} µs, is less than "
                f"{LEAST_STEPS} steps of the card's events ({max(steps)} ns)."
            )
    return found


def _launches_that_show(run: Run) -> list[str]:
    """Say in how many samples of graphs the GPU waited for the host, and of which networks."""
    shown = ((r.process, r.order, r.launch_shows) for r in run.rounds if r.launch_shows)
    names: Counter[str] = Counter()
    for table in by_process(shown, len(run.networks)).values():
        waits = np.nansum(table, axis=0).astype(int).tolist()
        names += Counter(dict(zip((cell.name for cell in run.networks), waits, strict=True)))
    if not names:
        return []
    most = ", ".join(name for name, _ in names.most_common(3))
    return [
        f"In {names.total()} samples the GPU waited for the host, so that launching shows in them, "
        f"most in {most}."
    ]


def _layout(run: Run, name: str) -> str:
    """Return the memory layout of a network, with how many processes chose it if not all did."""
    found = [process.layouts[name] for process in run.processes if name in process.layouts]
    if not found:
        return MISSING
    layout, count = Counter(found).most_common(1)[0]
    return layout if count == len(found) else f"{layout} {count} of {len(found)}"
