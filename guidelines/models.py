"""Networks exported once for a backend, and cached by content and versions."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import shutil
import tempfile
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import platformdirs

from results.errors import BadInputError, PlatformError
from results.schema import Cell, CellDeclaration, Network
from runners.measure import ModelFiles

if TYPE_CHECKING:
    import torch
    from torch import nn

OPSET = 17
MODEL, EXPECTED, COST = "model", "expected.npy", "cost.json"
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


@cache
def _exporters() -> str:
    """Return the SHA-256 of what builds and exports a network, other than its declaration."""
    state = hashlib.sha256()
    for name in ("torch", "onnx", "numpy"):
        state.update(f"{name} {importlib.metadata.version(name)};".encode())
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


def _export_onnx(module: nn.Module, x: torch.Tensor, path: Path) -> None:
    import torch

    with warnings.catch_warnings():
        # This exporter is deprecated, not removed; the new one takes ten times as long a network.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module, (x,), str(path), dynamo=False, opset_version=OPSET,
            input_names=["x"], output_names=["y"],
        )  # fmt: skip


def _export_torch(module: nn.Module, _: torch.Tensor, path: Path) -> None:
    import torch

    torch.save(module, path)


_EXPORTERS: dict[str, Callable[[nn.Module, torch.Tensor, Path], None]] = {
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

    Imports torch only for what is missing. Raises BadInputError when the store cannot be written,
    and PlatformError when what exports a network is not installed.
    """
    try:
        key = digest(declaration.network, backend, seed)
        folder = store / "models" / key
        if not all((folder / name).exists() for name in (MODEL, EXPECTED, COST)):
            shutil.rmtree(folder, ignore_errors=True)
            _export(declaration.network, backend, seed, folder)
        cost = json.loads((folder / COST).read_text())
    except ImportError as error:
        raise PlatformError(
            f"Networks cannot be exported, since {error.name} is not installed: pip install it."
        ) from None
    except OSError as error:
        raise BadInputError(
            f"The model cache {store} cannot be written ({error.strerror}): free space or set "
            "XDG_CACHE_HOME to another folder."
        ) from None
    cell = Cell(**declaration.model_dump(), **cost, model=key)
    return cell, ModelFiles(model=folder / MODEL, expected=folder / EXPECTED)


def _export(network: Network, backend: str, seed: int, folder: Path) -> None:
    import torch

    from networks.cost import cost

    module = build(network, seed)
    x = example_input(network.input_shape, seed)
    total = cost(module, network.input_shape)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as name:
        partial = Path(name) / "entry"
        partial.mkdir()
        _EXPORTERS[backend](module, x, partial / MODEL)
        with torch.inference_mode():
            np.save(partial / EXPECTED, module(x).numpy())
        figures = {name: getattr(total, name) for name in COST_FIELDS}
        (partial / COST).write_text(json.dumps(figures))
        if not folder.exists():
            shutil.move(partial, folder)
