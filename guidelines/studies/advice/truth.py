"""Is advice right? Costs of planted faults as advised, beside the whole network without each.

`python -m guideline_benchmarks.guidelines.studies.advice.truth FOLDER [PLATFORM]` measures and
prints; what is in the folder already is not measured again.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch

from guideline_benchmarks.guidelines.advice.declarations import cell, declared
from guideline_benchmarks.guidelines.advice.graph import graph_of, simplified
from guideline_benchmarks.guidelines.export import derived
from guideline_benchmarks.guidelines.export.exporter.formats import export_onnx
from guideline_benchmarks.guidelines.session.advice.measuring import Adviser, Looked, advise
from guideline_benchmarks.guidelines.session.measuring import SAME_COMMAND, execute_with_progress
from guideline_benchmarks.guidelines.session.options import Options
from guideline_benchmarks.guidelines.session.planning import plan
from guideline_benchmarks.guidelines.studies.advice.planted import FAULTS, Planted, shapes_of
from guideline_benchmarks.networks import blocks
from guideline_benchmarks.networks.onnx_cost import onnx_cost
from guideline_benchmarks.results.advice.judged import Gain, Judged
from guideline_benchmarks.results.advice.judging import NS_PER_MS, gain_of, measured
from guideline_benchmarks.results.record.schema import Run
from guideline_benchmarks.results.store.files import cache_folder

ALL = tuple(FAULTS)
OPSET = 17


def looked(faults: tuple[str, ...], seed: int = 0) -> Looked:
    """Return a network with faults planted, ready to be advised on."""
    module = blocks.initialise(Planted(faults), seed).eval()
    shapes = shapes_of(faults)
    names = tuple(f"x{number}" for number in range(len(shapes)))
    outputs = tuple(f"y{number}" for number in range(len(shapes)))
    given = tuple(torch.zeros(shape) for shape in shapes)
    name = f"planted {' '.join(faults) or 'nothing'}"
    content = export_onnx(module, given, names, outputs)
    inputs = dict(zip(names, shapes, strict=True))
    graph = graph_of(simplified(content, inputs, name))
    cost = onnx_cost(graph.model, inputs)
    network = derived.keep(cache_folder(), graph.model, name)
    return Looked(name, graph, network, cost.multiply_adds, cost.weights)


def whole_run(folder: Path, platform: str, options: Options) -> Run:
    """Measure the network with all faults beside it without each, in one run."""
    cells = [cell("all", looked(ALL).network)]
    cells += [cell(f"without {one}", looked(_without(one)).network) for one in ALL]
    asked = plan([declared(cells)], platform, options)
    return execute_with_progress(asked, folder, resume=True, quiet=False, again=SAME_COMMAND)


def _without(fault: str) -> tuple[str, ...]:
    return tuple(name for name in ALL if name != fault)


def true_costs(run: Run) -> dict[str, Gain]:
    """Return what each fault costs the whole network."""
    samples = measured(run).samples
    names = {one.row: samples[one.name] for one in run.cells}
    whole_ms = float(np.median(np.concatenate(names["all"]))) / NS_PER_MS
    return {
        fault: gain_of(
            [a - b for a, b in zip(names["all"], names[f"without {fault}"], strict=True)],
            names["all"],
            whole_ms,
        )
        for fault in ALL
    }


def advised_costs(judged: Judged) -> dict[str, tuple[float, list[str]]]:
    """Return what each fault costs as advised, in percent, and the verdicts of its findings."""
    found: dict[str, tuple[float, list[str]]] = {}
    for fault in ALL:
        own = [
            one
            for one in judged.findings
            if one.found.guideline == fault and f"/{fault}/" in " ".join(one.found.nodes)
        ]
        gains = [one.gain.percent for one in own if one.gain]
        found[fault] = (sum(gains), [one.verdict for one in own])
    return found


def main(folder: Path, platform: str) -> None:
    """Measure, and print what is true beside what is advised."""
    options = Options()
    truth = true_costs(whole_run(folder / "truth", platform, options))
    judged, _ = advise(looked(ALL), Adviser(platform, options, folder / "advice", quiet=False))
    advised = advised_costs(judged)
    print(f"{judged.advice.model} on {judged.platform.name}: {judged.ms:.3g} ms")
    for fault in sorted(ALL, key=lambda one: -truth[one].percent):
        true, (percent, verdicts) = truth[fault], advised[fault]
        low, high = true.percent_ci95 or (true.percent, true.percent)
        said = f"advised {percent:.1f} %, {', '.join(verdicts)}"
        print(f"{fault}: {true.percent:.1f} % [{low:.1f}, {high:.1f}]; {said}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "cpu")
