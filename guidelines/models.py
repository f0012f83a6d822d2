"""Networks exported once for a backend, and cached by content and versions."""

from __future__ import annotations

import hashlib
import importlib.metadata
import io
import json
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import platformdirs

from results.errors import PlatformError
from results.schema import Cell, CellDeclaration, Network
from results.store import write_file
from runners.measure import ModelFiles

if TYPE_CHECKING:
    import torch
    from torch import nn

OPSET = 17
MODEL, EXPECTED, ENTRY = "model", "expected.npy", "entry.json"
COST_FIELDS = (
    "multiply_adds",
    "memory_access_cost",
    "memory_access_bytes",
    "memory_access_bound",
    "weights",
)
NETWORK_SOURCES = Path(__file__).parent.parent / "networks"


def cache_folder() -> Path:
    """Return where exported networks are kept between runs."""
    return Path(platformdirs.user_cache_dir("guideline-benchmarks"))


def digest(network: Network, file_format: str, seed: int) -> str:
    """Return the SHA-256 of all that an exported network depends on, without building it.

    That is its declaration, the seed, the sources of networks/, and the versions of the exporters.
    """
    parts = [network.model_dump(mode="json"), file_format, seed, OPSET, _exporters()]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def exporter_versions() -> dict[str, str]:
    """Return the versions of what builds and exports networks; PackageNotFoundError if missing."""
    return {name: importlib.metadata.version(name) for name in ("torch", "onnx", "numpy")}


@cache
def _exporters() -> str:
    """Return the SHA-256 of what builds and exports a network, other than its declaration."""
    state = hashlib.sha256(json.dumps(exporter_versions()).encode())
    for file in sorted(NETWORK_SOURCES.glob("*.py")):
        state.update(file.read_bytes())
    return state.hexdigest()


def build(network: Network, seed: int) -> nn.Module:
    """Return the network with weights drawn from `seed`."""
    from networks import blocks

    block = getattr(blocks, network.block)
    module = blocks.stack(lambda: block(**network.arguments), network.times)
    return blocks.initialise(module, seed)


def example_input(shape: tuple[int, ...], seed: int) -> torch.Tensor:
    """Return the input that the worker draws too: the beginning of one seeded stream."""
    import torch

    values = np.random.RandomState(seed).standard_normal(int(np.prod(shape)))
    return torch.from_numpy(values.astype(np.float32).reshape(shape))


def _export_onnx(module: nn.Module, x: torch.Tensor) -> bytes:
    import torch

    model = io.BytesIO()
    with warnings.catch_warnings():
        # This exporter is deprecated, not removed; the new one takes ten times as long a network.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            (x,),
            model,  # type: ignore[arg-type]  # this exporter takes a buffer, too
            dynamo=False,
            opset_version=OPSET,
            input_names=["x"],
            output_names=["y"],
        )
    return model.getvalue()


def _export_torch(module: nn.Module, _: torch.Tensor) -> bytes:
    import torch

    model = io.BytesIO()
    torch.save(module, model)
    return model.getvalue()


_EXPORTERS: dict[str, Callable[[nn.Module, torch.Tensor], bytes]] = {
    "onnxruntime-cpu": _export_onnx,
    "torch-cpu": _export_torch,
}


def backends() -> list[str]:
    """Names of the backends that a network can be exported for."""
    return list(_EXPORTERS)


def prepare(
    declaration: CellDeclaration, backend: str, seed: int, store: Path
) -> tuple[Cell, ModelFiles]:
    """Return the cell with its cost, and its files, exported into `store` if they are not there.

    Damaged files are exported again. Imports torch only for what is missing. Raises BadInputError
    when the store cannot be written, PlatformError when its disk is full or when what exports a
    network is not installed.
    """
    try:
        key = digest(declaration.network, backend, seed)
        folder = store / "models" / key
        cost = _stored_cost(folder) or _export(declaration.network, backend, seed, folder)
    except ImportError as error:
        raise PlatformError(
            f"Networks cannot be exported, since {error.name} is not installed: pip install it."
        ) from None
    cell = Cell(**declaration.model_dump(), **cost, model=key)
    return cell, ModelFiles(model=folder / MODEL, expected=folder / EXPECTED)


def _stored_cost(folder: Path) -> dict[str, Any] | None:
    """Return the cost kept in a cache entry, or None unless the entry is whole."""
    try:
        entry = json.loads((folder / ENTRY).read_bytes())
        for name in (MODEL, EXPECTED):
            if _sha256((folder / name).read_bytes()) != entry["sha256"][name]:
                return None
        return {name: entry["cost"][name] for name in COST_FIELDS}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _export(network: Network, backend: str, seed: int, folder: Path) -> dict[str, Any]:
    """Write a cache entry, its index last, so that it is whole or not there; return the cost."""
    import torch

    from networks.cost import cost

    module = build(network, seed)
    x = example_input(network.input_shape, seed)
    total = cost(module, network.input_shape)
    with torch.inference_mode():
        expected = io.BytesIO()
        np.save(expected, module(x).numpy())
    contents = {MODEL: _EXPORTERS[backend](module, x), EXPECTED: expected.getvalue()}
    figures = {name: getattr(total, name) for name in COST_FIELDS}
    for name, content in contents.items():
        write_file(folder / name, content)
    digests = {name: _sha256(content) for name, content in contents.items()}
    write_file(folder / ENTRY, json.dumps({"cost": figures, "sha256": digests}))
    return figures


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
