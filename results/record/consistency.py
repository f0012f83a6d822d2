"""What a record must fulfil beyond the types of its fields."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from guideline_benchmarks.results.record.cells import Cell, DerivedNetwork, Experiment
from guideline_benchmarks.results.record.parts import OperatorCall, Round
from guideline_benchmarks.results.record.schema import Run

# The control networks that show what a profiler costs: trivial operators, and composite ones.
PROFILER_CONTROLS = ("control/profiler/x1", "control/profiler-composite/x1")


def checked(run: Run) -> Run:
    """Return a run whose parts fit together; raises ValueError, saying in what they do not."""
    fault = fault_of(run)
    if fault:
        raise ValueError(fault)
    return run


def fault_of(run: Run) -> str | None:
    """Say in what the parts of a run contradict one another, or None."""
    return (
        _fault_of_cells(run)
        or _fault_of_processes(run)
        or _fault_of_rounds(run)
        or _fault_of_counts(run)
    )


def _fault_of_cells(run: Run) -> str | None:
    """Say what is wrong with the experiments and cells of a run, if anything."""
    experiments = {experiment.name: experiment for experiment in run.experiments}
    if len(experiments) < len(run.experiments):
        return "two experiments share a name"
    if len({cell.name for cell in run.networks}) < len(run.networks):
        return "two cells share a name"
    for cell in run.cells:
        if cell.experiment not in experiments:
            return f"cell {cell.name} names an unknown experiment"
        if set(cell.axes) != set(experiments[cell.experiment].axes):
            return f"cell {cell.name} has other axes than its experiment"
        if not _can_be_told(experiments[cell.experiment], cell):
            return f"the labels of {cell.experiment} name an axis that {cell.name} lacks"
        experiment = experiments[cell.experiment]
        compared = experiment.base is not None or experiment.sweeps_widths
        if compared and not cell.multiply_adds:
            return f"cell {cell.name} has no multiply-adds"
        made_here = isinstance(cell.network, DerivedNetwork)
        if not (compared or made_here or cell.profiled or run.platform.counts):
            return f"cell {cell.name} is neither compared nor profiled"
    controls = {cell.name for cell in run.controls if cell.profiled}
    if any(cell.profiled for cell in run.cells) and not controls >= set(PROFILER_CONTROLS):
        return "cells are profiled without the controls that show what the profiler costs"
    rows = {(cell.experiment, cell.row) for cell in run.cells}
    for experiment in run.experiments:
        if experiment.base is not None and (experiment.name, experiment.base) not in rows:
            return f"experiment {experiment.name} has no base cell"
    return None


def _can_be_told(experiment: Experiment, cell: Cell) -> bool:
    """Whether a cell has all that the labels of its experiment name."""
    labels = [label.text for label in experiment.row_labels]
    try:
        for template in (*labels, experiment.column_label, experiment.tick):
            cell.text(template)
    except KeyError:
        return False
    return experiment.panels is None or experiment.panels in cell.axes


def _fault_of_processes(run: Run) -> str | None:
    """Say what is wrong with the processes of a run, if anything."""
    names = {cell.name for cell in run.networks}
    if [process.index for process in run.processes] != list(range(len(run.processes))):
        return "processes are not numbered from 0 upwards"
    for process in run.processes:
        if process.session >= len(run.sessions):
            return "a process names an unknown session"
        if set(process.proofs) != names:
            return f"process {process.index} did not prove just the networks of the run"
        for cell in run.networks:
            proof = process.proofs[cell.name]
            if cell.profiled and proof.failure is None and not proof.calls:
                return f"process {process.index} lists no operators of {cell.name}"
            first = run.processes[0].proofs[cell.name]
            if not (proof.failure or first.failure) and not same_operators(
                proof.calls or [], first.calls or []
            ):
                return f"process {process.index} executed other operators of {cell.name}"
    return None


def same_operators(calls: Sequence[OperatorCall], others: Sequence[OperatorCall]) -> bool:
    """Whether two executions ran the same operators, in any order."""
    one, other = (
        Counter((call.operator, str(call.inputs)) for call in listed) for listed in (calls, others)
    )
    return one == other


def _fault_of_rounds(run: Run) -> str | None:
    """Say what is wrong with the rounds of a run, if anything."""
    if len(run.rounds) > run.protocol.runs and run.protocol.stop is None:
        return "there are more rounds than the protocol asks for"
    if len({(entry.process, entry.round) for entry in run.rounds}) < len(run.rounds):
        return "a round is there twice"
    proved: dict[int, list[int]] = {
        process.index: [
            index
            for index, cell in enumerate(run.networks)
            if process.proofs[cell.name].failure is None
        ]
        for process in run.processes
    }
    for entry in run.rounds:
        if entry.process not in proved:
            return "a round names an unknown process"
        if sorted(entry.order) != proved[entry.process]:
            return "a round did not measure each proved network once"
        if [*entry.beside] != [*run.rounds[0].beside]:
            return "rounds have different kinds of samples beside their own"
        aligned = [entry.ns, *entry.beside.values()]
        optional = (entry.cpu_ns, entry.sm_mhz, entry.discarded, entry.launch_shows)
        lengths = {*map(len, aligned), *(len(figures) for figures in optional if figures)}
        if lengths != {len(entry.order)}:
            return "a round's order and times do not match"
        fault = _fault_of_profiles(run, entry)
        if fault:
            return fault
    return None


def _fault_of_profiles(run: Run, entry: Round) -> str | None:
    """Say what is wrong with the profiles of a round, if anything."""
    wanted = sorted(index for index in entry.order if run.networks[index].profiled)
    if sorted(profile.network for profile in entry.profiles) != wanted:
        return "a round did not profile each network that is to be profiled once"
    for profile in entry.profiles:
        calls = run.processes[entry.process].proofs[run.networks[profile.network].name].calls
        if len(profile.operators_ns) != len(calls or []):
            return "a profile has other operators than its network"
    return None


def _fault_of_counts(run: Run) -> str | None:
    """Say what is wrong with the counts of a run, if anything."""
    if run.platform.counts and (run.processes or run.rounds):
        return "a platform that counts was timed"
    if run.counts and not run.platform.counts:
        return "a platform that is timed has counts"
    if run.platform.counts and any(cell.profiled for cell in run.networks):
        return "a platform that counts was profiled"
    if (run.model is not None) != bool(run.platform.model):
        return "a platform with a cost model and the model itself belong together"
    if run.model is not None and run.protocol.modelled_caches != run.model.caches:
        return "misses were counted of other caches than the cost model's"
    names = [count.cell for count in run.counts]
    if len({*names}) < len(names) or not {*names} <= {cell.name for cell in run.networks}:
        return "a count is of an unknown network, or there twice"
    for count in run.counts:
        if count.session >= len(run.sessions):
            return "a count names an unknown session"
        counted = 0 if count.proof.failure else run.protocol.runs
        modelled = counted if run.protocol.caches else 0
        misses = {len(figures) for figures in (count.l1d_misses, count.l2_misses)}
        newer = {len(f) for f in (count.branches, count.memory_bytes, count.l1i_misses)}
        whole = misses == {modelled} and newer in ({0}, {modelled})
        if len(count.instructions) != counted or not whole:
            return f"{count.cell} was not counted as often as the protocol asks for"
    return None
