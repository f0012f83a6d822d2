"""What will make figures of this machine's NVIDIA GPUs unreliable, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator

from guideline_benchmarks.guidelines.doctor.advice import Advice
from guideline_benchmarks.guidelines.doctor.gpu_conditions import CardConditions, GpuConditions
from guideline_benchmarks.runners.worker.cuda.nvml import CardProcess

BUSY_PERCENT = 5.0
NEAR_SLOW_DOWN_C = 10
# Limits of the power are rounded.
LEAST_CAP_W = 1.0
# Memory with so wide a bus is stacked (HBM), and has room for ECC of its own.
STACKED_BITS = 1024
NAMED = 3


def lines(seen: GpuConditions) -> list[str]:
    """Return a line for every card, and which of several is measured; or why there is none."""
    if not seen.cards:
        return [seen.absent]
    told = [_line(card) for card in seen.cards]
    if len(seen.cards) > 1 and not seen.hidden:
        shown = f" (now {seen.visible})" if seen.visible else ""
        told.append(
            "The first card that CUDA shows, mostly the fastest, is measured. To have another, set "
            f"CUDA_VISIBLE_DEVICES{shown} to its UUID (nvidia-smi -L)."
        )
    return told


def _line(card: CardConditions) -> str:
    memory = card.memory and f"{card.memory / 2**30:.0f} GiB"
    driver = card.driver and f"driver {card.driver}"
    heat = None if card.temperature_c is None else f"{card.temperature_c} °C"
    ecc = None if card.ecc is None else f"ECC {'on' if card.ecc else 'off'}"
    clock = _part(card.sm_mhz, card.boost_mhz, "MHz")
    power = _part(card.power_w, card.limit_w, "W")
    known = [card.name or "unknown card", memory, driver, clock, heat, power, ecc]
    return f"{_which(card)}: {', '.join(text for text in known if text)}."


def _which(card: CardConditions) -> str:
    return "GPU" if card.index is None else f"GPU {card.index}"


def _part(now: float | None, most: float | None, unit: str) -> str:
    """Return "70 of at most 700 W", or what of it is known; "" for nothing."""
    if now is None:
        return "" if most is None else f"at most {most:.0f} {unit}"
    return f"{now:.0f} {unit}" if most is None else f"{now:.0f} of at most {most:.0f} {unit}"


def advice(seen: GpuConditions) -> list[Advice]:
    """Return what is wrong with the cards, the worst first; nothing where there are none."""
    if not seen.cards:
        return []
    found = [*_of_machine(seen)]
    for card in seen.cards:
        which = f"{_which(card)}: " if len(seen.cards) > 1 else ""
        for check in CHECKS:
            found += [Advice(which + one.problem, one.remedy) for one in check(card)]
    return found


def _of_machine(seen: GpuConditions) -> Iterator[Advice]:
    if seen.cpu_torch:
        yield Advice(
            f"torch {seen.cpu_torch} is built without CUDA: it cannot use the GPU.",
            "Install its CUDA build: choose Stable, Pip and CUDA on PyTorch's start page.",
        )
    if seen.hidden:
        yield Advice(
            f'CUDA_VISIBLE_DEVICES is "{seen.visible}", which hides every card.',
            "Unset it, or set it to a card's number or UUID.",
        )
    if seen.silent:
        yield Advice(
            f"{seen.silent} more card(s) do not answer the driver.",
            "See what nvidia-smi says of them; a lost card needs a restart of the machine.",
        )


def _prohibited(card: CardConditions) -> Iterator[Advice]:
    if card.may_compute is False:
        yield Advice(
            "The card's compute mode keeps all programs from computing on it.",
            f"As root: nvidia-smi {_option(card)}-c DEFAULT.",
        )


def _option(card: CardConditions) -> str:
    return "" if card.index is None else f"-i {card.index} "


def _shared(card: CardConditions) -> Iterator[Advice]:
    programs = card.processes or ()
    if programs:
        names = ", ".join(_program(program) for program in programs[:NAMED])
        more = f" and {len(programs) - NAMED} more" if len(programs) > NAMED else ""
        yield Advice(
            f"Other programs are on the card: {names}{more}.",
            "End them, or wait until they are done; let another card draw the screen.",
        )


def _program(program: CardProcess) -> str:
    name = program.name or f"process {program.pid}"
    return name if program.memory is None else f"{name} ({program.memory / 1e6:.0f} MB)"


def _in_use(card: CardConditions) -> Iterator[Advice]:
    if card.busy is not None and card.busy > BUSY_PERCENT:
        # A driver that has just woken the card up checks its memory, which looks like work.
        again = ""
        if card.persistence is False:
            again = " Ask again: waking the card up looks like work, too."
        yield Advice(
            f"The card is {card.busy:.0f} % busy, though nothing of ours runs.",
            f"Wait until it is idle; nvidia-smi shows who uses it.{again}",
        )


def _hot(card: CardConditions) -> Iterator[Advice]:
    if card.margin_c is not None and card.margin_c < NEAR_SLOW_DOWN_C:
        now = "" if card.temperature_c is None else f"at {card.temperature_c} °C, "
        yield Advice(
            f"The card is hot: {now}{max(card.margin_c, 0)} °C below where it slows down.",
            "Let it cool, and give it more air.",
        )


def _held_down(card: CardConditions) -> Iterator[Advice]:
    if card.reasons:
        yield Advice(
            f"The card's clock is kept down: {', '.join(card.reasons)}.",
            f"Find out why before you measure: nvidia-smi {_option(card)}-q -d PERFORMANCE.",
        )


def _capped(card: CardConditions) -> Iterator[Advice]:
    limit, maker = card.limit_w, card.maker_w
    if limit is not None and maker is not None and limit < maker - LEAST_CAP_W:
        yield Advice(
            f"The card may draw {limit:.0f} W only, and was made for {maker:.0f} W.",
            f"As root: nvidia-smi {_option(card)}-pl {maker:.0f}; or name the limit with figures.",
        )


def _clock_set(card: CardConditions) -> Iterator[Advice]:
    if card.set_mhz and card.maker_mhz and card.set_mhz != card.maker_mhz:
        yield Advice(
            f"Its clock for programs is set to {card.set_mhz} MHz, by its maker to "
            f"{card.maker_mhz} MHz.",
            "That steadies times, but they compare with no others; to undo it, as root: "
            f"nvidia-smi {_option(card)}-rac.",
        )


def _divided(card: CardConditions) -> Iterator[Advice]:
    if card.mig:
        yield Advice(
            "MIG is on: a part of the card is measured, and the other parts share its power.",
            f"Name the part with figures; to end it, as root: nvidia-smi {_option(card)}-mig 0.",
        )


def _sleeps(card: CardConditions) -> Iterator[Advice]:
    if card.persistence is False:
        yield Advice(
            "Persistence mode is off: between programs the card goes to sleep, so the first call "
            "is slow and clocks begin low.",
            f"As root: nvidia-smi {_option(card)}-pm 1.",
        )


def _checked_memory(card: CardConditions) -> Iterator[Advice]:
    if card.ecc and (card.bus_bits is None or card.bus_bits < STACKED_BITS):
        yield Advice(
            "ECC is on, which is no fault, but takes bandwidth from memory that is not stacked.",
            "Leave it on, and compare with cards that have it on, too.",
        )


# The worst first.
CHECKS = (
    _prohibited,
    _shared,
    _in_use,
    _held_down,
    _hot,
    _capped,
    _clock_set,
    _divided,
    _sleeps,
    _checked_memory,
)


def unknowns(seen: GpuConditions) -> list[str]:
    """Return what the driver does not show of the cards, or of one of them.

    Cards without ECC, MIG or a clock to set show none, so these are not missed.
    """
    hidden: dict[str, None] = {}
    for card in seen.cards:
        facts = {
            "other programs on the GPU": card.processes,
            "how busy the GPU is": card.busy,
            "the GPU's clock": card.sm_mhz,
            "why that is not higher": card.reasons,
            "the GPU's temperature": card.temperature_c,
            "how near the GPU is to slowing down": card.margin_c,
            "its limit of power": card.limit_w,
            "its persistence mode": card.persistence,
        }
        hidden |= dict.fromkeys(what for what, value in facts.items() if value is None)
    return list(hidden)
