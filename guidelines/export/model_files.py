"""Networks exported once for a backend, and cached by content and versions."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from guidelines.export import user_networks
from guidelines.export.formats import EXPORTERS, OPSET, example_input, npy
from results.errors import PlatformError
from results.record import backends
from results.record.cells import Cell, Network, UserNetwork, WholeNetwork
from results.store.files import keep_file
from runners.launcher import ModelFiles

if TYPE_CHECKING:
    from torch import nn

MODEL, EXPECTED, ENTRY = "model", "expected.npy", "entry.json"
COST_FIELDS = (
    "multiply_adds",
    "memory_access_cost",
    "memory_access_bytes",
    "memory_access_bound",
    "weights",
)
NETWORK_SOURCES = Path(__file__).parent.parent.parent / "networks"


def digest(network: Network | WholeNetwork, backend: str, seed: int) -> str:
    """Return the SHA-256 of all that an exported network depends on, without building it.

    That is its declaration, the backend that it is for, the seed, the sources of networks/, and the
    versions of the exporters.
    """
    # One image is what all networks had before batches could be chosen.
    declaration = asdict(network)
    if network.batch == 1:
        del declaration["batch"]
    parts = [declaration, backend, seed, OPSET, _exporters()]
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


def build(network: Network | WholeNetwork, seed: int) -> nn.Module:
    """Return the network with weights drawn from `seed`."""
    from networks import blocks
    from networks.catalogue import NETWORKS, UNITS

    if isinstance(network, WholeNetwork):
        return blocks.initialise(NETWORKS[network.name].build(), seed)
    block = UNITS.get(network.block) or getattr(blocks, network.block)
    module = blocks.stack(lambda: block(**network.arguments), network.times)
    return blocks.initialise(module, seed)


def prepare(cell: Cell, backend: str, seed: int, store: Path) -> tuple[Cell, ModelFiles]:
    """Return the cell with its cost, and its files, exported into `store` if they are not there.

    Damaged files are exported again. Imports torch only for what is missing. Raises BadInputError
    when the store cannot be written, PlatformError when its disk is full or when what exports a
    network is not installed.
    """
    try:
        folder, key, cost = _prepare(cell.network, backend, seed, store / "models")
    except ImportError as error:
        raise PlatformError(
            f"Networks cannot be exported, since {error.name} is not installed: pip install it."
        ) from None
    return replace(cell, **cost, model=key), ModelFiles(
        model=folder / MODEL, expected=folder / EXPECTED
    )


def _prepare(
    network: Network | WholeNetwork | UserNetwork, backend: str, seed: int, models: Path
) -> tuple[Path, str, dict[str, Any]]:
    """Return a network's folder below `models`, the digest of what it is made of, and its cost."""
    if isinstance(network, UserNetwork):
        # What it depends on is known only to itself, so its content is what counts. The folder goes
        # by its name: each new version takes the place of the one before.
        model, expected = user_networks.export(network, backend, seed)
        uncounted = dict.fromkeys(COST_FIELDS, 0)
        name = json.dumps([asdict(network), backend, str(Path.cwd())])
        folder = models / f"user-{_sha256(name.encode())}"
        _store(folder, {MODEL: model, EXPECTED: expected}, uncounted)
        return folder, _sha256(model + expected), uncounted
    key = digest(network, backend, seed)
    folder = models / key
    return folder, key, _stored_cost(folder) or _export(network, backend, seed, folder)


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


def _export(
    network: Network | WholeNetwork, backend: str, seed: int, folder: Path
) -> dict[str, Any]:
    """Build a network, write its cache entry, and return its cost."""
    import torch

    from networks.cost import cost
    from networks.folding import fold_batch_norm

    module = build(network, seed)
    x = example_input(network.input_shape, seed)
    total = cost(module, network.input_shape)
    with torch.inference_mode():
        expected = npy(module(x).numpy())
    figures = {name: getattr(total, name) for name in COST_FIELDS}
    model = EXPORTERS[backends.backend(backend).model_format](fold_batch_norm(module), x)
    _store(folder, {MODEL: model, EXPECTED: expected}, figures)
    return figures


def _store(folder: Path, contents: dict[str, bytes], figures: dict[str, Any]) -> None:
    """Write a cache entry, its index last, so that it is whole or not there."""
    for name, content in contents.items():
        keep_file(folder / name, content)
    digests = {name: _sha256(content) for name, content in contents.items()}
    keep_file(folder / ENTRY, json.dumps({"cost": figures, "sha256": digests}))


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
