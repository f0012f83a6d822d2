"""How often advice sees a gain where there is none.

`python -m guideline_benchmarks.guidelines.studies.advice.false_gains FOLDER [PLATFORM]` advises on
a network that obeys every guideline, 20 times with other weights, and, in as many runs, compares
layers with themselves: each with one of the same widths and other weights in its place. What is in
the folder already is not measured again.
"""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from pathlib import Path

from guideline_benchmarks.guidelines.advice.collected import Collected
from guideline_benchmarks.guidelines.advice.declarations import WHOLE, cell, part_cells
from guideline_benchmarks.guidelines.advice.drafts import Option, grouped, layer_draft
from guideline_benchmarks.guidelines.advice.layers import layers, standing, with_widths
from guideline_benchmarks.guidelines.advice.parts import cut
from guideline_benchmarks.guidelines.session.advice.measuring import Adviser, Looked, advise
from guideline_benchmarks.guidelines.session.options import Options
from guideline_benchmarks.guidelines.studies.advice.truth import ALL, looked
from guideline_benchmarks.results.advice.judged import Finding
from guideline_benchmarks.results.advice.judging import judge
from guideline_benchmarks.results.advice.record import Advice
from guideline_benchmarks.results.advice.stored import PARTS, WIDTHS
from guideline_benchmarks.results.store.files import cache_folder

REPETITIONS = 20


def same_layers(network: Looked) -> Collected:
    """Return all kinds of layers of a network, each with the same of other weights in its place."""
    graph, collected = network.graph, Collected(network.name, cache_folder())
    for equal in grouped(layers(graph), lambda layer: standing(graph, layer)):
        layer = equal[0]
        _, made = with_widths(layer, graph, layer.c1, layer.c2, layer.groups)
        option = Option("the same", made, layer.cost.multiply_adds, layer.cost.weights)
        collected.add(layer_draft("G1", "", equal, cut(graph, layer.nodes), [option]))
    return collected


def compared_with_themselves(adviser: Adviser, network: Looked) -> list[Finding]:
    """Measure layers beside the same layers; return what that says they would gain."""
    collected = same_layers(network)
    run = adviser.measure(PARTS, part_cells(network.network, collected.parts))
    advice = Advice(
        model=network.name,
        multiply_adds=network.multiply_adds,
        weights=network.weights,
        findings=collected.findings,
        network=cell(WHOLE, network.network).name,
    )
    return list(judge(advice, run, run, None).findings)


def main(folder: Path, platform: str) -> None:
    """Measure, and print how many gains there were."""
    options = Options()
    with_gain, gains, slower, compared = 0, 0, 0, 0
    for seed in range(REPETITIONS):
        adviser = Adviser(platform, options, folder / f"obeying-{seed}", quiet=True)
        if seed:
            # Widths say something of the platform, and nothing of the network.
            shutil.copytree(folder / "obeying-0" / WIDTHS, adviser.out / WIDTHS, dirs_exist_ok=True)
        judged, _ = advise(looked((), seed), adviser)
        with_gain += any(one.verdict == "gain" for one in judged.findings)
        same = replace(adviser, out=folder / f"same-{seed}")
        verdicts = [one.verdict for one in compared_with_themselves(same, looked(ALL, seed))]
        compared += len(verdicts)
        gains += verdicts.count("gain")
        slower += verdicts.count("alternative is slower")
        print(
            f"{seed + 1}: gains in {with_gain} of {seed + 1} advices on a network that obeys; of "
            f"{compared} layers beside themselves {gains} gain and {slower} are slower",
            flush=True,
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "cpu")
