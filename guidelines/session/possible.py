"""What cannot be measured on a platform is refused before anything is started."""

from __future__ import annotations

from collections.abc import Sequence

from guideline_benchmarks.guidelines.experiment import Declaration
from guideline_benchmarks.guidelines.session.options import Options
from guideline_benchmarks.results.errors import BadInputError
from guideline_benchmarks.results.record.backends import backend
from guideline_benchmarks.results.record.cells import NetworkChoice
from guideline_benchmarks.results.record.platform import Platform
from guideline_benchmarks.results.record.protocol import Precision
from guideline_benchmarks.runners.platform_file import load_platform
from guideline_benchmarks.runners.platforms import platform_names


def refuse_impossible(
    platform: Platform, declarations: Sequence[Declaration], options: Options
) -> None:
    """Raise BadInputError for options and experiments that a platform has no use for."""
    if platform.counts:
        _refuse_where_counted(platform, declarations, options)
    if options.caches and not (platform.counter and platform.counter.caches):
        other = "has no such core" if platform.counts else "is timed"
        raise BadInputError(
            f"--caches models the caches of an emulated core, and platform {platform.name} "
            f"{other}: use it with --platform arm-emulated."
        )
    refuse_precision(platform, options.precision)
    _refuse_unprofiled(platform, declarations)


def _refuse_where_counted(
    platform: Platform, declarations: Sequence[Declaration], options: Options
) -> None:
    if options.core is not None:
        raise BadInputError(
            f"--core has no meaning on platform {platform.name}: its counts do not depend on where "
            "they are taken."
        )
    if options.processes is not None:
        raise BadInputError(
            f"--processes has no meaning on platform {platform.name}: every network is counted in "
            "one process of its own."
        )
    if options.stop is not None:
        raise BadInputError(
            f"--until-error has no meaning on platform {platform.name}: its counts have no noise."
        )
    if options.batch is not None and platform.counter and platform.counter.one_image:
        raise BadInputError(
            f"--batch has no meaning on platform {platform.name}: it stands for the paper's ARM "
            "core, which ran one image at a time."
        )
    for declaration in declarations:
        sweeps = declaration.experiment.sweeps_widths
        if sweeps or _is_profiled(declaration):
            does = "looks for steps in run time" if sweeps else "takes run time apart"
            raise BadInputError(
                f"{declaration.name} {does}, and platform {platform.name} has none, only counts of "
                "instructions: choose a platform that is timed."
            )


def refuse_precision(platform: Platform, precision: Precision) -> None:
    """Raise BadInputError unless a platform computes in a precision."""
    taken = _precisions(platform)
    if precision in taken:
        return
    others = _platforms_in(precision)
    known = f"; or {', '.join(others)}, which take it" if others else ""
    raise BadInputError(
        f"--precision {precision} is none of platform {platform.name}, which computes in "
        f"{' or '.join(taken)}: choose one of these{known}."
    )


def _platforms_in(precision: Precision) -> list[str]:
    """Name the platforms of the suite that compute in a precision."""
    known = [load_platform(name) for name in platform_names()]
    return [one.name for one in known if precision in _precisions(one)]


def _precisions(platform: Platform) -> tuple[str, ...]:
    """Return what a platform's backend computes in; a cost model was fitted to the first alone."""
    known = backend(platform.backend).precisions
    return known[:1] if platform.model else known


def _refuse_unprofiled(platform: Platform, declarations: Sequence[Declaration]) -> None:
    if platform.mode in backend(platform.backend).profiled_modes:
        return
    for declaration in filter(_is_profiled, declarations):
        raise BadInputError(
            f"{declaration.name} takes run time apart operator by operator, which platform "
            f"{platform.name} does not show: use platform "
            f"{' or '.join(_profiled_platforms(platform.on_gpu))}."
        )


def _profiled_platforms(on_gpu: bool) -> list[str]:
    """Name the platforms of the suite on which run time can be taken apart."""
    known = [load_platform(name) for name in platform_names()]
    return [
        platform.name
        for platform in known
        if platform.on_gpu == on_gpu
        and not platform.counts
        and platform.mode in backend(platform.backend).profiled_modes
    ]


def _is_profiled(declaration: Declaration) -> bool:
    return any(cell.profiled for cell in declaration.cells(NetworkChoice()))
