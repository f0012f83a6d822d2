"""Networks that the user names: an .onnx file, or the callable that makes a torch module.

Nothing is loaded but what was named. A callable is code of the user's, and runs as such.
"""

from __future__ import annotations

import importlib
import os
import sys
import tempfile
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from guidelines.export.formats import EXPORTERS, example_input, npy
from results.errors import BadInputError
from results.record import backends
from results.record.backends import ModelFormat
from results.record.cells import Cell, UserNetwork, shape_text
from results.store.files import near_file

if TYPE_CHECKING:
    from torch import nn

_ADVICE: dict[ModelFormat, str] = {
    "onnx": "Export it yourself and name the .onnx file.",
    "torch": "Define its classes at the top of a module.",
}
# The suite's own packages, which a user's module of the same name cannot replace.
_OWN = ("guidelines", "networks", "reports", "results", "runners")


def is_onnx(model: str) -> bool:
    """Whether `model` names an ONNX file rather than module:callable."""
    return model.lower().endswith(".onnx")


def search_path(cells: Sequence[Cell], backend: str) -> list[str]:
    """Return where a worker looks for the modules of cells that name module:callable.

    A pickle needs the module that its classes stand in, an ONNX file needs none.
    """
    networks = [cell.network for cell in cells]
    named = any(isinstance(n, UserNetwork) and not is_onnx(n.model) for n in networks)
    pickled = backends.backend(backend).model_format == "torch"
    return [str(Path.cwd())] if named and pickled else []


def export(network: UserNetwork, backend: str, seed: int) -> tuple[bytes, bytes]:
    """Return the network as a model file for `backend`, and its expected output as .npy.

    The reference is torch's output, of an ONNX file that of the graph without optimisation. Raises
    BadInputError, in one sentence, when there is no such model, when it does not take the input or
    cannot be exported.
    """
    if is_onnx(network.model):
        return _export_file(network, backend, seed)
    # The run's own folder may be relative to the current one, which the user's code may leave.
    with _output_to(sys.stderr), chdir("."):
        return _export_callable(network, backend, seed)


@contextmanager
def _output_to(file: IO[Any]) -> Iterator[None]:
    """Send to `file` what is printed to standard output, which is for results alone."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(file.fileno(), 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)


def _export_file(network: UserNetwork, backend: str, seed: int) -> tuple[bytes, bytes]:
    import onnx
    import onnxruntime

    if backends.backend(backend).model_format != "onnx":
        raise BadInputError(
            f"{network.model} is an ONNX file, which the backend {backend} does not read: choose a "
            "platform with ONNX Runtime, or name a module:callable."
        )
    path = Path(network.model)
    if path.is_dir():
        raise BadInputError(f"{path} is a folder, not an ONNX file.")
    if not path.is_file():
        raise BadInputError(f"There is no file {path}.{near_file(path)}")
    try:
        # Loaded and written again, so that weights kept in other files come along.
        content = onnx.load(path).SerializeToString()
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise BadInputError(f"{path} is no ONNX model that can be run: {_first(error)}") from None
    _check_signature(network, session)
    x = example_input(network.input_shape, seed).numpy()
    try:
        (y,) = session.run(None, {session.get_inputs()[0].name: x})
    except Exception as error:
        raise _refused(network, error) from None
    return content, npy(_checked(network, y))


def _check_signature(network: UserNetwork, session: Any) -> None:
    """Refuse what takes or returns anything but one float32 tensor of the input's shape."""
    inputs, outputs = session.get_inputs(), session.get_outputs()
    if len(inputs) != 1 or len(outputs) != 1:
        raise BadInputError(
            f"{network.model} takes {len(inputs)} inputs and returns {len(outputs)} outputs: only "
            "networks with one of each can be measured."
        )
    for verb, kind in (("takes", inputs[0].type), ("returns", outputs[0].type)):
        if kind != "tensor(float)":
            raise BadInputError(f"{network.model} {verb} {kind}, not one tensor of 32-bit floats.")
    wanted, given = inputs[0].shape, network.input_shape
    # An input without a declared rank takes any.
    fits = not wanted or (
        len(wanted) == len(given)
        and all(
            not isinstance(size, int) or size == other
            for size, other in zip(wanted, given, strict=True)
        )
    )
    if not fits:
        raise BadInputError(
            f"{network.model} takes an input of {shape_text(wanted)}, not of {shape_text(given)}: "
            "say so with --input."
        )


def _export_callable(network: UserNetwork, backend: str, seed: int) -> tuple[bytes, bytes]:
    import torch

    module = _module(network.model, seed).eval()
    torch.set_default_dtype(torch.float32)
    others = {p.dtype for p in module.parameters() if p.is_floating_point()} - {torch.float32}
    if others:
        raise BadInputError(
            f"{network.model} has weights of {others.pop()}: only 32-bit floats can be measured."
        )
    x = example_input(network.input_shape, seed)
    given = x.clone()
    with torch.inference_mode():
        try:
            y = module(x)
        except (Exception, SystemExit) as error:
            raise _refused(network, error) from None
    if not torch.equal(x, given):
        raise BadInputError(
            f"{network.model} changes its input in place, so every execution would get another."
        )
    if not isinstance(y, torch.Tensor):
        raise BadInputError(
            f"{network.model} returns a {type(y).__name__}: only networks that return one tensor "
            "can be measured."
        )
    if y.dtype != torch.float32 or y.layout != torch.strided:
        raise BadInputError(f"{network.model} returns {y.dtype}, not a plain tensor of float32.")
    expected = npy(_checked(network, y.resolve_conj().resolve_neg().numpy()))
    model_format = backends.backend(backend).model_format
    try:
        # What torch prints of a graph that it cannot export helps nobody.
        with tempfile.TemporaryFile() as ignored, _output_to(ignored):
            return EXPORTERS[model_format](module, x), expected
    except Exception as error:
        raise BadInputError(
            f"{network.model} cannot be exported for {backend}: {_first(error)} "
            f"{_ADVICE[model_format]}"
        ) from None


def _module(model: str, seed: int) -> nn.Module:
    """Return the torch module that "module:callable" makes, with torch's generator seeded."""
    import torch
    from torch import nn

    for name in _OWN:
        importlib.import_module(name)
    module_name, _, attribute = model.partition(":")
    if not (module_name and attribute):
        raise BadInputError(
            f"{model!r} is neither an .onnx file nor module:callable, say my_models.nets:small."
        )
    # Last, so that nothing there can stand in for a module of torch's or of the suite's.
    if str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))
    try:
        made = importlib.import_module(module_name)
        for name in attribute.split("."):
            made = getattr(made, name)
    except (Exception, SystemExit) as error:
        own = module_name.split(".")[0]
        hint = f" {own} is a package of this suite's own: rename yours." if own in _OWN else ""
        raise BadInputError(f"{model} cannot be imported: {_first(error)}{hint}") from None
    if isinstance(made, nn.Module):
        raise BadInputError(f"{model} is a network itself: name a callable that returns it.")
    if not callable(made):
        raise BadInputError(f"{model} is not callable: name what makes the network.")
    torch.manual_seed(seed)
    try:
        found = made()
    except (Exception, SystemExit) as error:
        raise BadInputError(f"{model}() fails without arguments: {_first(error)}") from None
    if not isinstance(found, nn.Module):
        raise BadInputError(f"{model}() returns a {type(found).__name__}, not an nn.Module.")
    return found


def _checked(network: UserNetwork, y: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the output if it is one that a measurement can be proved by."""
    if not y.size:
        raise BadInputError(f"{network.model} returns nothing: its output is empty.")
    if not np.isfinite(y).all():
        raise BadInputError(f"{network.model} returns values that are not finite.")
    return y


def _refused(network: UserNetwork, error: BaseException) -> BadInputError:
    given = shape_text(network.input_shape)
    return BadInputError(f"{network.model} does not take an input of {given}: {_first(error)}")


def _first(error: BaseException) -> str:
    """Return the first line that an error says, as the end of a sentence."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = textwrap.shorten(lines[0], 200, placeholder="…") if lines else type(error).__name__
    return said.rstrip(".") + "."
