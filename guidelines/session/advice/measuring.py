"""What `guidelines advise` does: look for what breaks a guideline, and time alternatives.

Four runs, each of which can be continued: the network as it is, widths on the platform, parts of
the network with their alternatives, and the network beside itself with all of these that pay.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from onnx import ModelProto

from guideline_benchmarks.guidelines.advice.applying import chosen_options
from guideline_benchmarks.guidelines.advice.collected import (
    Collected,
    changed,
    control_flow,
    drafts,
    unseen,
)
from guideline_benchmarks.guidelines.advice.declarations import (
    CHANGED,
    EXPERIMENT,
    WHOLE,
    cell,
    declared,
    part_cells,
)
from guideline_benchmarks.guidelines.advice.elementwise import fused
from guideline_benchmarks.guidelines.advice.executed import (
    executed_nodes,
    likely_executed,
    node_names,
)
from guideline_benchmarks.guidelines.advice.graph import Graph, graph_of, simplified
from guideline_benchmarks.guidelines.channel_widths import CHANNEL_WIDTHS
from guideline_benchmarks.guidelines.export import derived, model_files
from guideline_benchmarks.guidelines.session.measuring import execute_with_progress
from guideline_benchmarks.guidelines.session.options import Options
from guideline_benchmarks.guidelines.session.planning import plan
from guideline_benchmarks.guidelines.session.runs import Plan, asked_before, resume_command
from guideline_benchmarks.networks.onnx_cost import onnx_cost
from guideline_benchmarks.results.advice.judged import Judged
from guideline_benchmarks.results.advice.judging import judge
from guideline_benchmarks.results.advice.record import Advice, Applied
from guideline_benchmarks.results.advice.stored import (
    NETWORK,
    PARTS,
    WHOLE_RUN,
    WIDTHS,
    has_advice,
    read_found,
    write_advice,
)
from guideline_benchmarks.results.advice.widths import blocks_of
from guideline_benchmarks.results.errors import BadInputError
from guideline_benchmarks.results.record.backends import backend
from guideline_benchmarks.results.record.cells import (
    Cell,
    DerivedNetwork,
    UserNetwork,
    WholeNetwork,
)
from guideline_benchmarks.results.record.platform import Platform
from guideline_benchmarks.results.record.schema import Run
from guideline_benchmarks.results.store.files import cache_folder
from guideline_benchmarks.runners.platform_file import load_platform
from guideline_benchmarks.runners.worker.arrays import kept_outputs

ONNX = "onnxruntime-cpu"
# Samples of each network, unless others are asked for, in as many processes as usual.
RUNS = {NETWORK: 25, WIDTHS: 50, PARTS: 50, WHOLE_RUN: 100}


@dataclass(frozen=True)
class Looked:
    """A network that is looked into: what it is called, its graph, and itself as it is timed."""

    name: str
    graph: Graph
    network: DerivedNetwork
    multiply_adds: int
    weights: int


@dataclass(frozen=True)
class Adviser:
    """Where and how a network is measured: run after run, each in its folder below `out`."""

    platform: str
    options: Options
    out: Path
    quiet: bool

    def loaded(self) -> Platform:
        """Return the platform that is measured on."""
        return load_platform(self.platform, self.options.machine)

    def measure(self, name: str, cells: Sequence[Cell]) -> Run:
        """Measure cells into the run of that name, or continue it."""
        return self._executed(name, self.asked(name, cells))

    def asked(self, name: str, cells: Sequence[Cell]) -> Plan:
        """Return what is asked for by the run of that name."""
        return plan([declared(cells)], self.platform, self._options(name))

    def widths(self) -> Run:
        """Measure which widths suit the platform."""
        return self._executed(WIDTHS, plan([CHANNEL_WIDTHS], self.platform, self._options(WIDTHS)))

    def _options(self, name: str) -> Options:
        runs = self.options.runs or RUNS[name]
        # Parts differ by little more than where their weights lie in memory may make.
        return replace(self.options, runs=runs, shuffled_loading=True)

    def _executed(self, name: str, asked: Plan) -> Run:
        return execute_with_progress(
            asked, self.out / name, resume=True, quiet=self.quiet, again=resume_command(self.out)
        )


def look_into(model: str, network: WholeNetwork | UserNetwork, options: Options) -> Looked:
    """Return a network's graph, simplified, kept as what is timed.

    Raises BadInputError for a network that cannot be exported, or is not in float32.
    """
    store = cache_folder()
    named = Cell(EXPERIMENT.name, model, 1, axes={}, network=network)
    found, files = model_files.prepare(named, ONNX, options.seed, store, options.patience)
    if isinstance(found.network, UserNetwork) and found.network.precision != "fp32":
        raise BadInputError(
            f"{model} is in {found.network.precision}: advice is for networks in fp32; give that, "
            "with --precision for what the runtime is to compute in."
        )
    names = [tensor.name for tensor in found.network.inputs]
    shapes = {tensor.name: tensor.shape for tensor in found.network.inputs}
    graph = graph_of(simplified(files.model.read_bytes(), shapes, model))
    values = kept_outputs(str(files.values), names) if files.values else None
    kept = derived.keep(store, graph.model, model, values)
    cost = onnx_cost(graph.model, shapes)
    return Looked(model, graph, kept, cost.multiply_adds, cost.weights)


def begun(looked: Looked, adviser: Adviser) -> bool:
    """Whether an adviser's folder holds the beginning of the same advice.

    Raises BadInputError for advice that cannot be read.
    """
    asked = adviser.asked(NETWORK, [_alone(looked, adviser.loaded())])
    finished = has_advice(adviser.out) and read_found(adviser.out).finished
    return not finished and asked_before(asked, adviser.out / NETWORK) is not None


def _alone(looked: Looked, platform: Platform) -> Cell:
    """Return the network as it is; what has control flow cannot be taken apart by operators."""
    shown = platform.mode in backend(platform.backend).profiled_modes
    return cell(WHOLE, looked.network, profiled=shown and not control_flow(looked.graph))


def advise(looked: Looked, adviser: Adviser) -> tuple[Judged, ModelProto | None]:
    """Measure an advice; return it, and the network with what pays, None where nothing does.

    Raises the errors of guidelines.session.measuring.execute_with_progress.
    """
    platform = adviser.loaded()
    network = adviser.measure(NETWORK, [_alone(looked, platform)])
    blocks = blocks_of(adviser.widths())
    names, executed = _executed(looked.graph, network, platform)
    collected = Collected(looked.name, cache_folder())
    for draft in drafts(looked.graph, executed or likely_executed(looked.graph), blocks):
        collected.add(draft)
    advice = Advice(
        model=looked.name,
        multiply_adds=looked.multiply_adds,
        weights=looked.weights,
        findings=collected.findings,
        fused=None if executed is None else fused(looked.graph, executed),
        blocks=blocks,
        unseen=list(unseen(looked.graph)),
        network=network.cells[0].name,
        executed=names,
    )
    write_advice(adviser.out, advice)
    if not collected.parts:
        return _finished(adviser, advice, network, None, None), None
    parts = adviser.measure(PARTS, part_cells(looked.network, collected.parts))
    judged = judge(advice, network, parts, None)
    chosen = chosen_options(judged.findings, collected.options)
    if not chosen:
        return _finished(adviser, advice, network, parts, None), None
    model = _changed(looked, collected, chosen)
    advice, whole = _measured_together(looked, adviser, advice, chosen, model)
    return _finished(adviser, advice, network, parts, whole), model


def _finished(
    adviser: Adviser, advice: Advice, network: Run, parts: Run | None, whole: Run | None
) -> Judged:
    """Write an advice as one of which nothing is left to be measured; return what it says."""
    done = advice.model_copy(update={"finished": True})
    write_advice(adviser.out, done)
    return judge(done, network, parts, whole)


def _executed(
    graph: Graph, network: Run, platform: Platform
) -> tuple[list[str], Collection[str] | None]:
    """Return the nodes of a run's calls, and those executed by themselves, None if not known."""
    calls = network.processes[0].proofs[network.cells[0].name].calls
    if calls is None:
        return [], None
    names = node_names(graph, calls)
    if any(names):
        return names, executed_nodes(graph, calls)
    # Where operators have no names but run one after the other, each runs by itself.
    every = {node.name for node in graph.nodes}
    return names, every if platform.mode == "eager" else None


def _changed(looked: Looked, collected: Collected, chosen: Sequence[tuple[int, int]]) -> ModelProto:
    """Return the network with some options put in."""
    options = [collected.options[number][place] for number, place in chosen]
    titles = [collected.findings[number].title for number, _ in chosen]
    said = [f"{title}: {option.text}" for title, option in zip(titles, options, strict=True)]
    return changed(
        looked.graph.model,
        [option.change for option in options if option.change],
        {
            "guidelines.changes": "; ".join(said),
            "guidelines.weights": "Weights of changed layers are random, or 0 where a layer was "
            "only made wider: accuracy was not assessed.",
        },
    )


def _measured_together(
    looked: Looked,
    adviser: Adviser,
    advice: Advice,
    chosen: Sequence[tuple[int, int]],
    model: ModelProto,
) -> tuple[Advice, Run]:
    """Measure a changed network beside the original; return the advice with it, and the run."""
    _, values = derived.kept(cache_folder(), looked.network.graph)
    network = derived.keep(cache_folder(), model, looked.name, values)
    cells = [cell(WHOLE, looked.network), cell(CHANGED, network)]
    whole = adviser.measure(WHOLE_RUN, cells)
    cost = onnx_cost(model, {name: value.shape for name, value in values.items()})
    applied = Applied(
        chosen=list(chosen),
        original=cells[0].name,
        changed=cells[1].name,
        multiply_adds=cost.multiply_adds,
        weights=cost.weights,
        graph=network.graph,
    )
    return advice.model_copy(update={"applied": applied}), whole
