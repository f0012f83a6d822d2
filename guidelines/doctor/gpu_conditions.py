"""How this machine's NVIDIA GPUs are, as far as their driver shows it; no setting is changed."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from statistics import fmean
from typing import Any

from guideline_benchmarks.runners.worker.cuda import nvml

# The driver says how busy a card was in the last moments, a second at most.
LOOKS, LOOK_SECONDS = 5, 0.25
NONE_FOUND = "No NVIDIA GPU was found ({}): platforms cuda… cannot be measured here."
NOT_LOOKED = "Whether there is an NVIDIA GPU cannot be seen here: {}."


@dataclass(frozen=True)
class CardConditions:
    """The state of one card, as far as its driver shows it; None where it does not.

    Memory in bytes, clocks in MHz, temperatures in °C, power in W. `boost_mhz` is the highest
    clock, `margin_c` how much warmer the card may be before it slows down; `set_mhz` and `limit_w`
    are the clock for programs and the power that are set now, `maker_mhz` and `maker_w` the
    maker's. `busy` is the percent of a second in which something ran, though nothing of ours did.
    `reasons` are those that keep the clock down, `bus_bits` the width of the memory's bus.
    """

    index: int | None
    name: str | None
    memory: int | None
    driver: str | None
    sm_mhz: int | None
    boost_mhz: int | None
    temperature_c: int | None
    margin_c: int | None
    power_w: float | None
    limit_w: float | None
    maker_w: float | None
    set_mhz: int | None
    maker_mhz: int | None
    busy: float | None
    processes: Sequence[nvml.CardProcess] | None
    reasons: Sequence[str] | None
    ecc: bool | None
    bus_bits: int | None
    mig: bool | None
    persistence: bool | None
    may_compute: bool | None


@dataclass(frozen=True)
class GpuConditions:
    """The cards of a machine that answer; `absent` says why there are none, "" if there are.

    `silent` is the number of cards that do not answer. `cpu_torch` is the installed torch's version
    if it is built without CUDA, `visible` what CUDA_VISIBLE_DEVICES says; None otherwise.
    """

    cards: Sequence[CardConditions]
    absent: str
    silent: int
    cpu_torch: str | None
    visible: str | None

    @property
    def hidden(self) -> bool:
        """Whether CUDA is kept from showing any card."""
        return self.visible is not None and self.visible.strip() in ("", "-1")


def observe(
    connect: Callable[[], Any] = nvml.library, wait: Callable[[float], None] = time.sleep
) -> GpuConditions:
    """Look at this machine's cards, for a little over a second if there are any."""
    cards: list[nvml.NvmlCard] = []
    silent, absent = 0, ""
    try:
        library = connect()
        cards = nvml.cards(library)
        silent = nvml.count(library) - len(cards)
    except nvml.NoPackageError as error:
        absent = NOT_LOOKED.format(error)
    except nvml.NoCardError as error:
        absent = NONE_FOUND.format(error)
    if silent and not cards:
        absent = NONE_FOUND.format(f"NVIDIA's driver knows {silent}, but reaches none of them")
    busy = _busy(cards, wait)
    return GpuConditions(
        cards=[_conditions(card, percent) for card, percent in zip(cards, busy, strict=True)],
        absent=absent,
        silent=silent,
        cpu_torch=cpu_torch() if cards else None,
        visible=os.environ.get("CUDA_VISIBLE_DEVICES"),
    )


def _busy(cards: Sequence[nvml.NvmlCard], wait: Callable[[float], None]) -> list[float | None]:
    """Return how busy each card is on average over LOOKS looks, in percent."""
    looks: list[list[int | None]] = []
    for _ in range(LOOKS if cards else 0):
        wait(LOOK_SECONDS)
        looks.append([card.busy() for card in cards])
    shown = ([look for look in of if look is not None] for of in zip(*looks, strict=True))
    return [fmean(percents) if percents else None for percents in shown]


def _conditions(card: nvml.NvmlCard, busy: float | None) -> CardConditions:
    facts, state = card.facts(), card.state()
    return CardConditions(
        index=card.index(),
        name=card.name(),
        memory=card.memory(),
        driver=card.driver(),
        sm_mhz=state["sm_mhz"],
        boost_mhz=facts["boost_mhz"],
        temperature_c=state["temperature_c"],
        margin_c=card.margin_c(),
        power_w=state["power_w"],
        busy=busy,
        processes=card.processes(),
        reasons=state["throttle"],
        ecc=facts["ecc"],
        bus_bits=card.bus_bits(),
        mig=facts["mig"],
        persistence=card.persistence(),
        may_compute=card.may_compute(),
        **card.limits(),
    )


def cpu_torch() -> str | None:
    """Return the version of the installed torch if it is built without CUDA, None if it is not."""
    try:
        torch = metadata.distribution("torch")
        # Importing torch takes seconds; this file of a few lines says which CUDA it is built for.
        said = Path(str(torch.locate_file("torch/version.py"))).read_text(encoding="utf-8")
    except (metadata.PackageNotFoundError, OSError):
        return None
    return torch.version if without_cuda(said) else None


def without_cuda(said: str) -> bool:
    """Return whether the text of torch's version.py says that it is built without CUDA."""
    return re.search(r"^cuda\b[^=\n]*=\s*None\s*$", said, re.MULTILINE) is not None
