"""What a command is to measure, made of its options: the plan, or a refusal in one sentence."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

from guideline_benchmarks.guidelines.experiment import Declaration
from guideline_benchmarks.guidelines.session.options import Options
from guideline_benchmarks.guidelines.session.possible import refuse_impossible
from guideline_benchmarks.guidelines.session.runs import Plan
from guideline_benchmarks.guidelines.session.threads import with_threads
from guideline_benchmarks.results.cost_model.caches import Caches
from guideline_benchmarks.results.cost_model.coefficient_file import load_model
from guideline_benchmarks.results.cost_model.cost_model import CostModel
from guideline_benchmarks.results.errors import BadInputError
from guideline_benchmarks.results.record.backends import BACKENDS
from guideline_benchmarks.results.record.platform import Platform
from guideline_benchmarks.results.record.protocol import Precision, Protocol, StoppingRule
from guideline_benchmarks.runners.claim import Claim
from guideline_benchmarks.runners.platform_file import load_platform
from guideline_benchmarks.runners.platforms import platform_names

DEFAULT_RUNS, DEFAULT_PROCESSES = 100, 5
# A cost model is off by far more than what a third execution would change.
DEFAULT_COUNTS_OF_MODELS = 2
# How far an output may lie from torch's in float32, as a fraction of the largest value: twenty
# layers round to ten bits (TF32, float16) or to seven (bfloat16). What is quantised has a tolerance
# for each network besides (see results.record.quantisation).
OUTPUT_TOLERANCES = {"fp32": 1e-4, "tf32": 1e-2, "fp16": 1e-2, "bf16": 1e-1, "int8": 1e-4}
USUAL = Options()


def output_tolerance(precision: Precision, backends: Iterable[str]) -> float:
    """Return how far outputs of runtimes may lie from torch's (see results.record.Protocol)."""
    usual = OUTPUT_TOLERANCES[precision]
    return max(BACKENDS[name].tolerances.get(precision, usual) for name in backends)


def plan(declarations: Sequence[Declaration], platform: str, options: Options = USUAL) -> Plan:
    """Return the plan of a run of `declarations` on the platform of that name or file.

    Raises BadInputError for an unknown platform, for more processes than runs, and for what the
    platform cannot do, and PlatformError where it is to be asked for all its cores and cannot be.
    """
    return plan_on(declarations, load_platform(platform, options.machine), options)


def plan_on(
    declarations: Sequence[Declaration],
    chosen: Platform,
    options: Options,
    claim: Claim | None = None,
) -> Plan:
    """Return the plan of a run of `declarations` on a platform; raises as `plan` does.

    A board is asked, and measured on, under a claim.
    """
    model = _model_of(chosen)
    refuse_impossible(chosen, declarations, options)
    chosen = with_threads(chosen, options.threads, options.core, claim)
    usual = chosen.counter.executions if chosen.counter else DEFAULT_RUNS
    times = options.runs or (usual if model is None else DEFAULT_COUNTS_OF_MODELS)
    if options.processes is not None and options.processes > times:
        raise BadInputError(
            f"--processes {options.processes} is more than --runs {times}: every process takes at "
            "least one sample."
        )
    protocol = Protocol(
        runs=times,
        processes=options.processes or min(DEFAULT_PROCESSES, times),
        seed=options.seed,
        channels=options.channels or chosen.channels,
        g4_unit=options.g4_unit,
        core=options.core,
        batch=options.batch,
        precision=options.precision,
        stop=options.stop,
        output_tolerance=output_tolerance(options.precision, [chosen.backend]),
        shuffled_loading=options.shuffled_loading,
    )
    if chosen.counts:
        # The first execution allocates memory; all later ones are alike.
        counting = {"processes": 1, "warmup_min": 1, "warmup_max": 1, "caches": options.caches}
        protocol = protocol.model_copy(update=counting)
    if model is not None:
        protocol = protocol.model_copy(update={"caches": True, "geometry": model.caches})
    return Plan(
        declarations,
        chosen,
        protocol,
        reuses_counts=model is not None,
        cost_model=model,
        patience=options.patience,
        claim=claim,
    )


def _model_of(platform: Platform) -> CostModel | None:
    """Return a platform's cost model; raises BadInputError for one of another backend's kernels."""
    if not platform.model:
        return None
    model = load_model(platform.model)
    if model.backend != platform.backend:
        raise BadInputError(
            f"Platform {platform.name} counts the kernels of {platform.backend}, and cost model "
            f"{model.name} was fitted to those of {model.backend}: both must be of one backend."
        )
    return model


def counting_plan(
    declarations: Sequence[Declaration],
    backend: str,
    caches: Caches | None = None,
    options: Options = USUAL,
) -> Plan:
    """Return the plan of the counts that a cost model needs, those made before being reused.

    Counted are the kernels of `backend`. `caches` are those to be modelled, None being the
    Cortex-A57's. Raises BadInputError where no platform of the suite emulates the backend.
    """
    counting = replace(options, runs=DEFAULT_COUNTS_OF_MODELS, caches=True)
    asked = plan(declarations, _emulated(backend), counting)
    protocol = asked.protocol.model_copy(update={"geometry": caches})
    return replace(asked, protocol=protocol, reuses_counts=True)


def _emulated(backend: str) -> str:
    """Return the platform of the suite that counts a backend's kernels on an emulated core."""
    for name in platform_names():
        platform = load_platform(name)
        caches = platform.counter is not None and platform.counter.caches
        if caches and platform.backend == backend and not platform.model:
            return name
    raise BadInputError(f"No platform counts the kernels of backend {backend} on an emulated core.")


def stopping_rule(percent: float | None, seconds: float | None) -> StoppingRule | None:
    """Return the rule that two options ask for, None for neither; raises BadInputError for one."""
    if percent is None and seconds is None:
        return None
    if percent is None or seconds is None:
        raise BadInputError(
            "--until-error and --max-seconds go together: how good figures must be, and how long "
            "to measure for that at most."
        )
    if not 0 < percent < 100:
        raise BadInputError(f"--until-error {percent:g} is no percentage between 0 and 100.")
    if not 0 < seconds < math.inf:
        raise BadInputError(f"--max-seconds {seconds:g} is no time to measure in.")
    return StoppingRule(relative_error=percent / 100, seconds=seconds)
