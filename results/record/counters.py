"""What counts executed instructions in place of time: a row each, all that differs stands here.

Standard library only, as in results.record.backends.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class InstructionCounter:
    """A way to count what networks execute, by the platforms' transport that has it.

    `said` is what its figures are called wherever they stand, `heading` the sentence above a
    report, and `blind` what a comparison says of changes that counts do not show, "" for nothing.
    `margin` is the fraction below which two counts of a network do not differ, and `executions` how
    often each is counted, the least being its figure. `one_image` says
    that it stands for the paper's ARM core, which ran one image at a time, `caches` that it models
    caches, of which a cost model needs the misses.
    """

    transport: str
    said: str
    heading: str
    blind: str
    margin: float
    executions: int
    one_image: bool
    caches: bool


_ROWS = (
    InstructionCounter(
        transport="emulator",
        said="emulated, not a speed",
        heading="Counted on an emulated core, where no time was taken: not a speed.",
        blind="",
        # Counts of it repeat to 0.003 %.
        margin=0.0005,
        # The least of so many leaves out what other threads of a process add now and then.
        executions=5,
        one_image=True,
        caches=True,
    ),
    InstructionCounter(
        transport="counter",
        said="executed, not a speed",
        heading="Counted are executed instructions, and no time was taken: not a speed. They show "
        "what executes more, not what waits longer, for caches, memory or a clock.",
        blind="Counts find what executes more, not what waits longer: for caches, memory or a "
        "clock. Those show in time alone (`guidelines ab`).",
        # As far as tried, counts repeat to 0.002 % in one environment, and to 0.004 % in several
        # that hold the same software (docs/gate.md).
        margin=0.0001,
        # Of some networks the first is up to 0.08 % more; from the second on they are alike.
        executions=2,
        one_image=False,
        caches=False,
    ),
)
COUNTERS: Mapping[str, InstructionCounter] = {row.transport: row for row in _ROWS}
