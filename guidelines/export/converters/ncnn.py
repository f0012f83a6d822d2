"""From ONNX to ncnn by pnnx, ncnn's own converter: a program, whose end would harm nothing here.

The file is a ZIP archive, uncompressed, of what `runners/worker/backends/ncnn_cpu.py` loads.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import io
import json
import re
import subprocess
import tempfile
import textwrap
import zipfile
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError

from guideline_benchmarks.results.errors import BadInputError, PlatformError

# Weights in half precision are pnnx's default.
FULL_PRECISION = "fp16=0"
PARAM, WEIGHTS, AXES = "model.param", "model.bin", "axes.json"
# How the Python file that pnnx writes beside a network gives it its inputs and reads its outputs.
_INPUT = re.compile(r'ex\.input\("(in\d+)", .*batch_index=(\d+)\)')
_OUTPUT = re.compile(r"\((out\d+)\.numpy\(batch_index=(\d+)\)")
# What pnnx prints of an operator that it passes on as it is, for want of a layer of ncnn's.
_NO_LAYER = re.compile(r"^(?:ignore|todo) (\S+)", re.MULTILINE)
_COLOUR = re.compile(r"\x1b\[[\d;]*m")
_LONGEST_REASON = 300


def versions() -> dict[str, str]:
    """Return the version of pnnx; raises PlatformError when it is not installed."""
    try:
        return {"pnnx": importlib.metadata.version("pnnx")}
    except importlib.metadata.PackageNotFoundError:
        raise _missing() from None


def convert(model: bytes) -> bytes:
    """Return an ONNX model as ncnn's layers, weights in fp32, and where each blob has its batch.

    `in0` is the first input, `out0` the first output. Raises PlatformError without pnnx, and
    BadInputError for inputs without a fixed shape or not of float32, and for what pnnx or ncnn does
    not know.
    """
    program, shapes = _program(), _shapes(model)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "m.onnx").write_bytes(model)
        said = _run([str(program), "m.onnx", f"inputshape={shapes}", FULL_PRECISION], folder)
        try:
            param = (folder / "m.ncnn.param").read_text(encoding="utf-8")
            weights = (folder / "m.ncnn.bin").read_bytes()
            script = (folder / "m_ncnn.py").read_text(encoding="utf-8")
        except FileNotFoundError:
            raise _refused(_reason(said)) from None
    _refuse_unknown(param, said)
    axes = {blob: int(axis) for blob, axis in _INPUT.findall(script) + _OUTPUT.findall(script)}
    return _archive({PARAM: param.encode(), WEIGHTS: weights, AXES: json.dumps(axes).encode()})


def _run(words: list[str], folder: Path) -> str:
    """Run a program in a folder, however it ends; return all that it prints, without colours."""
    done = subprocess.run(
        words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    return _COLOUR.sub("", done.stdout.decode(errors="replace"))


def _refused(reason: str) -> BadInputError:
    return BadInputError(f"pnnx cannot convert this network for ncnn: {reason}.")


def _program() -> Path:
    """Return the program pnnx, without importing its package, which would import torch."""
    found = importlib.util.find_spec("pnnx")
    if found is None or not found.submodule_search_locations:
        raise _missing()
    return Path(found.submodule_search_locations[0]) / "pnnx"


def _missing() -> PlatformError:
    return PlatformError(
        "Networks cannot be converted for ncnn, since pnnx is not installed: "
        "pip install 'guideline-benchmarks[ncnn]' (in a checkout: make tables PLATFORM=cpu-ncnn)."
    )


def _shapes(model: bytes) -> str:
    """Return the shapes of a model's inputs as pnnx reads them: [1,3,8,8],[1,9]."""
    try:
        inputs = onnx.load_model_from_string(model).graph.input
    except DecodeError:
        raise _refused("it is no ONNX") from None
    shapes = []
    for value in inputs:
        tensor = value.type.tensor_type
        if tensor.elem_type != onnx.TensorProto.FLOAT:
            kind = onnx.TensorProto.DataType.Name(tensor.elem_type).lower()
            raise BadInputError(
                f"ncnn is given arrays of float32 only, and input {value.name} is of {kind}."
            )
        shape = [dimension.dim_value for dimension in tensor.shape.dim]
        if not all(shape):
            raise BadInputError(f"pnnx needs a fixed shape, and input {value.name} has none.")
        shapes.append(shape)
    return json.dumps(shapes, separators=(",", ":"))[1:-1]


def _reason(said: str) -> str:
    """Return the last line that pnnx printed."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    last = lines[-1] if lines else "it says nothing"
    return textwrap.shorten(last, _LONGEST_REASON).rstrip(".")


def _refuse_unknown(param: str, said: str) -> None:
    """Raise BadInputError for operators that pnnx passed on as they were.

    ncnn may have a layer of that name which does something else.
    """
    # No layer of ncnn's has a point in its name, as torch.where has.
    kinds = [line.split()[0] for line in param.splitlines()[2:] if line.strip()]
    unknown = [kind for kind in kinds if "." in kind] + _NO_LAYER.findall(said)
    if unknown:
        raise BadInputError(
            f"ncnn cannot run this network: pnnx finds no layer of ncnn's for "
            f"{', '.join(dict.fromkeys(unknown))}."
        )


def _archive(contents: dict[str, bytes]) -> bytes:
    """Return files as an uncompressed ZIP archive, the same for the same content."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for name, content in contents.items():
            # Of a time that is always the same.
            file.writestr(zipfile.ZipInfo(name), content)
    return archive.getvalue()
