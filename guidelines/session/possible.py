"""What cannot be measured on a platform is refused before anything is started."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from guidelines.experiment import Study
from results.errors import BadInputError
from results.record.cells import NetworkChoice
from results.record.platform import Platform
from results.record.protocol import Precision, StoppingRule

# The backend whose profiler shows the kernels that each operator launched.
PROFILED_ON_GPU = "torch-cuda"
ONNX_PRECISIONS = ("fp32", "tf32")


@dataclass(frozen=True)
class Asked:
    """What a command asks for besides the experiments."""

    processes: int | None = None
    caches: bool = False
    core: str | None = None
    batch: int | None = None
    precision: Precision = "fp32"
    stop: StoppingRule | None = None


def refuse_impossible(platform: Platform, studies: Sequence[Study], asked: Asked) -> None:
    """Raise BadInputError for options and experiments that a platform has no use for."""
    if platform.counts:
        _refuse_where_counted(platform, studies, asked)
    elif asked.caches:
        raise BadInputError(
            f"--caches models the caches of an emulated core, and platform {platform.name} is "
            "timed: use it with --platform arm-emulated."
        )
    if asked.precision != "fp32" and not platform.on_gpu:
        raise BadInputError(
            f"--precision {asked.precision} is for GPUs, and platform {platform.name} runs on a "
            "CPU, in fp32: use it with --platform cuda."
        )
    if platform.on_gpu:
        _refuse_on_gpu(platform, studies, asked)


def _refuse_where_counted(platform: Platform, studies: Sequence[Study], asked: Asked) -> None:
    if asked.core is not None:
        raise BadInputError(
            f"--core has no meaning on platform {platform.name}: its counts do not depend on where "
            "they are taken."
        )
    if asked.processes is not None:
        raise BadInputError(
            f"--processes has no meaning on platform {platform.name}: every network is counted in "
            "one process of its own."
        )
    if asked.stop is not None:
        raise BadInputError(
            f"--until-error has no meaning on platform {platform.name}: its counts have no noise."
        )
    if asked.batch is not None:
        raise BadInputError(
            f"--batch has no meaning on platform {platform.name}: it stands for the paper's ARM "
            "core, which ran one image at a time."
        )
    for study in studies:
        if _is_profiled(study):
            raise BadInputError(
                f"{study.name} takes run time apart, and platform {platform.name} has none, only "
                "counts of instructions: choose a platform that is timed."
            )


def _refuse_on_gpu(platform: Platform, studies: Sequence[Study], asked: Asked) -> None:
    onnx = platform.backend != PROFILED_ON_GPU
    if onnx and asked.precision not in ONNX_PRECISIONS:
        raise BadInputError(
            f"--precision {asked.precision} needs networks in that precision, which platform "
            f"{platform.name} is not given: use {' or '.join(ONNX_PRECISIONS)}, or platform cuda."
        )
    for study in studies:
        if _is_profiled(study) and (onnx or platform.mode == "compile"):
            raise BadInputError(
                f"{study.name} takes run time apart operator by operator, which platform "
                f"{platform.name} does not show: use platform cuda or cuda-eager."
            )


def _is_profiled(study: Study) -> bool:
    return any(cell.profiled for cell in study.cells(NetworkChoice()))
