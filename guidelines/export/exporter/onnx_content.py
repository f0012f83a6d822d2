"""An ONNX file as it lies on disk: what it is if it is none, and weights kept in other files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnx
from onnx import AttributeProto, GraphProto, ModelProto, TensorProto

from guideline_benchmarks.guidelines.export.exporter.errors import RefusedError

# A file of protobuf holds less than this.
MOST_IN_ONE_FILE = 2**31 - 2**20
CHUNK = 2**24
WEIGHTS = "weights"
# Shapes and places, which tell the shapes of what they are used for, have fewer elements.
SMALL = 1024
_LFS = b"version https://git-lfs.github.com/spec/"


def read_model(path: Path) -> ModelProto:
    """Return the model in a file, without the weights that lie in other files.

    Raises RefusedError for what is no ONNX file, saying what it is.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RefusedError(f"{path} cannot be read: {error.strerror}.") from None
    what = _what_else(content)
    if what:
        raise RefusedError(f"{path} is {what}")
    model = ModelProto()
    try:
        model.ParseFromString(content)
    except Exception:
        raise RefusedError(
            f"{path} is no ONNX model, or a damaged one: get or export it again."
        ) from None
    if not model.graph.node:
        raise RefusedError(f"{path} is no ONNX model: it holds no graph with an operator.")
    return model


def _what_else(content: bytes) -> str:
    """Say what a file is that is no model, and what to do; empty for what may be one."""
    if not content:
        return "empty: get or export it again."
    if content.startswith(_LFS):
        return "a Git LFS pointer, not the model itself: fetch it with git lfs pull."
    start = content[:512].lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return "an HTML page, not a model: download the file itself, not the page that shows it."
    if start.startswith((b"pk\x03\x04", b"\x1f\x8b")):
        return "an archive: unpack it, and name the .onnx file in it."
    return ""


def tensors(model: ModelProto) -> Iterator[TensorProto]:
    """Yield all constant tensors of a model, those of bodies and functions included."""
    yield from _of_graph(model.graph)
    for function in model.functions:
        yield from _of_nodes(function.node)


def _of_graph(graph: GraphProto) -> Iterator[TensorProto]:
    yield from graph.initializer
    yield from _of_nodes(graph.node)


def _of_nodes(nodes: Any) -> Iterator[TensorProto]:
    for node in nodes:
        for attribute in node.attribute:
            if attribute.type == AttributeProto.TENSOR:
                yield attribute.t
            elif attribute.type == AttributeProto.GRAPH:
                yield from _of_graph(attribute.g)


def without_weights(model: ModelProto) -> ModelProto:
    """Return a copy of a model that lacks the values of its larger constants, as told by shapes."""
    light = ModelProto()
    light.CopyFrom(model)
    for tensor in tensors(light):
        if _elements(tensor) > SMALL:
            for values in ("raw_data", "float_data", "int32_data", "int64_data", "double_data"):
                tensor.ClearField(values)
    return light


def write_whole(model: ModelProto, path: Path, out: Path) -> None:
    """Write a model of the file `path` into the folder `out` as "model", with all its weights.

    Weights in other files come along, also through links, as caches of models make them. What one
    file cannot hold is kept in "weights" beside it. Raises RefusedError when a file is missing.
    """
    outside = [t for t in tensors(model) if t.data_location == TensorProto.EXTERNAL]
    places = [_place(tensor, path) for tensor in outside]
    size = sum(length for _, _, length in places) + model.ByteSize()
    if size <= MOST_IN_ONE_FILE:
        for tensor, place in zip(outside, places):
            tensor.raw_data = b"".join(_chunks(*place))
            tensor.data_location = TensorProto.DEFAULT
            del tensor.external_data[:]
    else:
        _write_weights(outside, places, out / WEIGHTS)
    (out / "model").write_bytes(model.SerializeToString())


def _write_weights(outside: list[TensorProto], places: list[Any], path: Path) -> None:
    """Write the weights of all tensors into one file, and let the tensors point there."""
    with path.open("wb") as file:
        for tensor, place in zip(outside, places):
            # Runtimes map weights into memory page by page.
            file.seek(-file.tell() % 4096, os.SEEK_CUR)
            fields = {"location": path.name, "offset": file.tell(), "length": place[2]}
            for chunk in _chunks(*place):
                file.write(chunk)
            del tensor.external_data[:]
            for key, value in fields.items():
                entry = tensor.external_data.add()
                entry.key, entry.value = key, str(value)


def _place(tensor: TensorProto, path: Path) -> tuple[Path, int, int]:
    """Return the file in which a tensor's values lie, where they begin, and how many bytes."""
    fields = {entry.key: entry.value for entry in tensor.external_data}
    name = fields.get("location", "")
    file = path.parent / name
    inside = Path(os.path.normpath(name))
    if inside.is_absolute() or ".." in inside.parts or not name:
        raise RefusedError(
            f"{path} keeps weights in {name!r}, outside its own folder: put them beside it."
        )
    if not file.is_file():
        broken = " (a link to a file that is not there)" if file.is_symlink() else ""
        raise RefusedError(
            f"{path} keeps weights in {file}, which is missing{broken}: get that file, too."
        )
    offset = int(fields.get("offset", 0))
    length = int(fields.get("length", 0)) or _bytes_of(tensor)
    if offset + length > file.stat().st_size:
        raise RefusedError(f"{file}, with weights of {path}, is cut short: get it again.")
    return file, offset, length


def _elements(tensor: TensorProto) -> int:
    count = 1
    for size in tensor.dims:
        count *= size
    return count


def _bytes_of(tensor: TensorProto) -> int:
    return _elements(tensor) * onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize


def _chunks(file: Path, offset: int, length: int) -> Iterator[bytes]:
    with file.open("rb") as opened:
        opened.seek(offset)
        while length:
            chunk = opened.read(min(CHUNK, length))
            length -= len(chunk)
            yield chunk
