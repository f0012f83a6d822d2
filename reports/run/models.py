"""What a report says of the models that a runtime was given: their layout, and their int8."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from guideline_benchmarks.results.record.instructions import for_int8
from guideline_benchmarks.results.record.parts import Proof
from guideline_benchmarks.results.record.platform import Machine
from guideline_benchmarks.results.record.quantisation import Quantisation
from guideline_benchmarks.results.record.schema import Run

CHANNELS_LAST = "NHWC"


def describe_models(run: Run) -> list[tuple[str, str]]:
    """Return what is particular to the models of a run as pairs of a label and a text."""
    quantised = [cell.quantised for cell in run.networks if cell.quantised]
    proofs = _proofs(run)
    found = {
        "Layout": _layout(run),
        "Quantised": _quantised(quantised, run.fingerprint) if quantised else "",
        "Otherwise": _in_networks(run, [proof.otherwise for proof in proofs]),
        "Unproven": _in_networks(run, [proof.unproven for proof in proofs]),
    }
    return [(label, text) for label, text in found.items() if text]


def _proofs(run: Run) -> list[Proof]:
    """Return what was found of each network: by the first process, or where it was counted."""
    first = run.processes[0].proofs.values() if run.processes else []
    return [*first, *(count.proof for count in run.counts)]


def _in_networks(run: Run, said: Sequence[Sequence[str]]) -> str:
    """Return what is said of networks, and of how many it is; "" for nothing."""
    counted = Counter(one for all_of_one in said for one in all_of_one)
    return "; ".join(
        f"{one}: {count} of {len(run.networks)} networks" for one, count in counted.items()
    )


def _layout(run: Run) -> str:
    """Say of a CPU's runtime whether its layout is another than the suite's; "" if not."""
    layouts = {layout for process in run.processes for layout in process.layouts.values()}
    # On a GPU each network has the faster one, which is told elsewhere.
    if run.platform.on_gpu or CHANNELS_LAST not in layouts:
        return ""
    return (
        f"images have their channels last ({CHANNELS_LAST}), the runtime's own layout, and are "
        "given and taken in it"
    )


def _quantised(all_of_them: list[Quantisation], machine: Machine) -> str:
    first = all_of_them[0]
    kinds = sorted({kind for one in all_of_them for kind in one.activations})
    errors = [100 * one.error for one in all_of_them]
    bits = "" if first.weight_bits == 8 else f" of {first.weight_bits} bits"
    return (
        f"by {first.tool} ({first.format}), calibrated on the measured input: activations in "
        f"{' and '.join(kinds)}, one step each, weights in int8{bits}, one step for each channel; "
        f"which moves outputs by {min(errors):.1f} to {max(errors):.1f} % of the largest value; "
        f"instructions of this CPU for it: {', '.join(for_int8(machine.cpu_features)) or 'none'}"
    )
