"""Networks that the user names: an .onnx file, or the callable that makes a torch module.

Nothing is loaded but what was named, and that in a process of its own (guidelines.export.apart).
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from guideline_benchmarks.guidelines.export import apart
from guideline_benchmarks.guidelines.export.input_options import parse_input, parse_range
from guideline_benchmarks.results.errors import BadInputError
from guideline_benchmarks.results.record import backends
from guideline_benchmarks.results.record.cells import Cell, UserNetwork
from guideline_benchmarks.results.record.network_cost import NetworkCost
from guideline_benchmarks.results.store.files import near_file

# How far outputs may lie from the reference: see planning.OUTPUT_TOLERANCES, and docs/protocol.md
# on what is quantised.
TOLERANCES = {"fp32": 0.0, "fp16": 1e-2, "bf16": 1e-1, "int8": 5e-2}
_MODULE = re.compile(r"^[^\W\d]\w*(\.[^\W\d]\w*)*$")


@dataclass(frozen=True)
class Named:
    """A model that was named: an ONNX `file`, or the `attribute` of a `module`.

    The module lies in the first of `search`, folders where modules are looked for first.
    """

    file: Path | None = None
    module: str | None = None
    attribute: str | None = None
    search: tuple[str, ...] = ()


def is_onnx(model: str) -> bool:
    """Whether `model` names an ONNX file rather than module:callable."""
    return model.lower().endswith(".onnx")


def named(model: str) -> Named:
    """Return what "file.onnx", "module:callable" or "path/to/module.py:callable" names.

    Raises BadInputError, in one sentence, for anything else and for files that are not there.
    """
    if is_onnx(model):
        return Named(file=_file(Path(model)))
    place, _, attribute = model.rpartition(":")
    if not (place and _MODULE.match(attribute)):
        raise BadInputError(
            f"{model!r} is neither an .onnx file nor module:callable, say my_models.nets:small or "
            "my_models/nets.py:small."
        )
    here = str(Path.cwd())
    if _MODULE.match(place) and not place.endswith(".py"):
        return Named(module=place, attribute=attribute, search=(here,))
    path = _module_file(Path(place))
    # A package is imported by its whole name, from the folder that it lies in.
    folder, names = path.parent.absolute(), [path.stem]
    while (folder / "__init__.py").exists() and folder.name:
        names.insert(0, folder.name)
        folder = folder.parent
    if names[-1] == "__init__":
        names.pop()
    name = ".".join(names)
    if not _MODULE.match(name):
        raise BadInputError(f"{path} cannot be imported: {name!r} is no name of a Python module.")
    search = tuple(dict.fromkeys((str(folder), here)))
    return Named(module=name, attribute=attribute, search=search)


def _module_file(path: Path) -> Path:
    """Return the file of a module that was named by a path, with or without its ending."""
    tries = [path] if path.suffix == ".py" else [path / "__init__.py", Path(f"{path}.py")]
    for file in tries:
        if file.is_file():
            return file
    raise BadInputError(f"There is no file {tries[-1]}.{near_file(tries[-1])}")


def _file(path: Path) -> Path:
    if path.is_dir():
        raise BadInputError(f"{path} is a folder, not an ONNX file.")
    try:
        there = path.is_file()
    except OSError as error:
        raise BadInputError(f"{path} cannot be read: {error.strerror}.") from None
    if not there:
        raise BadInputError(f"There is no file {path}.{near_file(path)}")
    return path


def search_path(cells: Sequence[Cell], backend: str) -> list[str]:
    """Return where a worker looks for the modules of cells that name module:callable.

    A pickle needs the module that its classes stand in, an ONNX file needs none.
    """
    if backends.backend(backend).model_format != "torch":
        return []
    networks = [cell.network for cell in cells]
    models = [n.model for n in networks if isinstance(n, UserNetwork) and not is_onnx(n.model)]
    return list(dict.fromkeys(folder for model in models for folder in named(model).search))


def interpreter(cells: Sequence[Cell], backend: str) -> str:
    """Return the Python that unpickles the modules of cells, the user's; "" for the usual one."""
    if backends.backend(backend).model_format != "torch":
        return ""
    networks = [cell.network for cell in cells]
    pythons = [n.given.python for n in networks if isinstance(n, UserNetwork) and n.given.python]
    return pythons[0] if pythons else ""


@contextmanager
def exported(
    network: UserNetwork, backend: str, seed: int, place: Path, patience: float = apart.PATIENCE
) -> Iterator[tuple[UserNetwork, NetworkCost | None, Path]]:
    """Export a network for `backend`; give it as found, its cost, and the folder of its files.

    The reference is torch's output, of an ONNX file that of the graph without optimisation. The
    folder lies in `place` and is gone afterwards; it may take `patience` seconds. Raises
    BadInputError, in one sentence, when there is no such model, when it does not take the inputs,
    cannot be exported, or its code misbehaves.
    """
    request = _request(network, backend, seed)
    with apart.exported(request, place, network.given.python, patience) as (answer, folder):
        yield _found(network, answer), answer.cost, folder


def counted(
    network: UserNetwork, seed: int, patience: float = apart.PATIENCE
) -> tuple[UserNetwork, apart.Answer]:
    """Count what a network costs, without exporting it; return it as found, and what was counted.

    Raises as `exported` does, and BadInputError when it cannot be counted.
    """
    request = _request(network, "onnxruntime-cpu", seed) | {"count": True}
    with (
        tempfile.TemporaryDirectory() as place,
        apart.exported(request, Path(place), network.given.python, patience) as (answer, _),
    ):
        if answer.cost is None:
            raise BadInputError(f"{network.model}: {' '.join(answer.notes)}")
        return _found(network, answer), answer


def _found(network: UserNetwork, answer: apart.Answer) -> UserNetwork:
    return replace(
        network,
        input=answer.inputs[0].shape if answer.inputs else (),
        inputs=answer.inputs,
        outputs=answer.outputs,
        precision=answer.precision,
        tolerance=TOLERANCES[answer.precision],
        exported_by=answer.exported_by if network.given.python else {},
        notes=answer.notes,
    )


def _request(network: UserNetwork, backend: str, seed: int) -> dict[str, Any]:
    which, given = named(network.model), network.given
    model_format = backends.backend(backend).model_format
    if which.file and model_format != "onnx":
        raise BadInputError(
            f"{network.model} is an ONNX file, which the backend {backend} does not read: choose a "
            "platform with ONNX Runtime, or name a module:callable."
        )
    if given.python and which.file:
        raise BadInputError(f"--python is for module:callable, and {network.model} is a file.")
    return {
        "model": network.model,
        "format": model_format,
        "count": False,
        "backend": backend,
        "seed": seed,
        "file": str(which.file) if which.file else None,
        "module": which.module,
        "attribute": which.attribute,
        "search": list(which.search),
        "inputs": [parse_input(text) for text in given.inputs],
        "values": given.values,
        "ranges": [parse_range(text) for text in given.ranges],
    }
