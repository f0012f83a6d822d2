"""A user's torch module: imported, made, and made ready to be exported."""

from __future__ import annotations

import difflib
import importlib
import importlib.machinery
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from guideline_benchmarks.guidelines.export.exporter.errors import RefusedError, first_line

# What the user's code may raise to leave, besides errors.
FAILURES = (Exception, SystemExit, GeneratorExit)


@contextmanager
def users_modules_first(folders: list[str]) -> Iterator[None]:
    """Let modules in the user's folders come before installed ones of the same name, inside.

    Modules of the standard library stay, and installed ones are put back at the end, for those who
    use them already.
    """
    kept = list(sys.path)
    shadowed = {}
    for name in [name for name in sys.modules if "." not in name]:
        if name not in (*_standard(), "torch") and _is_in(name, folders):
            own = [m for m in sys.modules if m.split(".")[0] == name]
            shadowed.update({m: sys.modules.pop(m) for m in own})
    sys.path[:] = [*folders, *kept]
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path[:] = [*kept, *folders]
        sys.modules.update(shadowed)


def _standard() -> Any:
    """Return the names of the standard library's modules; those built in before Python 3.10."""
    return getattr(sys, "stdlib_module_names", sys.builtin_module_names)


def _is_in(name: str, folders: list[str]) -> bool:
    """Whether a module of that name lies in some folders; a folder that is none is not meant."""
    found = importlib.machinery.PathFinder.find_spec(name, folders)
    return found is not None and found.loader is not None and found.origin is not None


def made(request: dict[str, Any], stage: Any) -> nn.Module:
    """Return the module that the user's callable makes, with torch's generator seeded.

    Raises RefusedError, in one sentence, when there is none.
    """
    model = request["model"]
    stage("imported")
    try:
        found: Any = importlib.import_module(request["module"])
    except FAILURES as error:
        raise RefusedError(f"{model} cannot be imported: {first_line(error)}") from None
    for name in request["attribute"].split("."):
        try:
            found = getattr(found, name)
        except AttributeError as error:
            near = difflib.get_close_matches(name, dir(found), n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise RefusedError(f"{model} cannot be imported: {first_line(error)}{hint}") from None
    if isinstance(found, nn.Module):
        raise RefusedError(f"{model} is a network itself: name a callable that returns it.")
    if not callable(found):
        raise RefusedError(f"{model} is not callable: name what makes the network.")
    stage("made")
    torch.manual_seed(request["seed"])
    try:
        module = found()
    except FAILURES as error:
        raise RefusedError(f"{model}() fails without arguments: {first_line(error)}") from None
    if not isinstance(module, nn.Module):
        raise RefusedError(f"{model}() returns a {type(module).__name__}, not an nn.Module.")
    torch.set_default_dtype(torch.float32)
    return module.eval()


def fold_parametrisations(module: nn.Module) -> list[str]:
    """Compute what parametrisations (weight norm, …) make of weights once, as for deployment.

    Returns the names of what was folded. Files cannot hold them, and a graph would compute them
    each time.
    """
    from torch.nn.utils import (
        parametrizations,
        parametrize,
        remove_spectral_norm,
        remove_weight_norm,
    )

    folded = []
    for name, part in module.named_modules():
        if isinstance(part, torch.jit.ScriptModule):
            continue
        if parametrize.is_parametrized(part):
            for tensor in list(part.parametrizations):
                parametrize.remove_parametrizations(part, tensor, leave_parametrized=True)
                folded.append(f"{name}.{tensor}".lstrip("."))
            # weight_norm leaves a hook for reading older files, which no file can hold.
            for key, hook in list(part._load_state_dict_pre_hooks.items()):
                if getattr(hook, "__module__", "") == parametrizations.__name__:
                    del part._load_state_dict_pre_hooks[key]
        for hook in list(part._forward_pre_hooks.values()):
            remove = {"WeightNorm": remove_weight_norm, "SpectralNorm": remove_spectral_norm}.get(
                type(hook).__name__
            )
            if remove is not None:
                remove(part, hook.name)
                folded.append(f"{name}.{hook.name}".lstrip("."))
    return folded
