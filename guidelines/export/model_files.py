"""Networks exported once for a backend, and cached by content and versions."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from guideline_benchmarks.guidelines.export import apart, derived, user_networks
from guideline_benchmarks.guidelines.export.apart import PATIENCE
from guideline_benchmarks.guidelines.export.converters import converter
from guideline_benchmarks.guidelines.export.formats import (
    EXPORTERS,
    OPSET,
    example_input,
    npy,
    npz,
)
from guideline_benchmarks.guidelines.export.quantisers import Quantiser
from guideline_benchmarks.results.errors import BadInputError, PlatformError
from guideline_benchmarks.results.record import backends
from guideline_benchmarks.results.record.cells import (
    Cell,
    DerivedNetwork,
    Network,
    UserNetwork,
    WholeNetwork,
)
from guideline_benchmarks.results.record.network_cost import NetworkCost
from guideline_benchmarks.results.record.quantisation import Quantisation
from guideline_benchmarks.results.store.files import keep_file, make_cache_folder
from guideline_benchmarks.runners.launcher import ModelFiles
from guideline_benchmarks.runners.worker.arrays import kept_outputs

if TYPE_CHECKING:
    from torch import nn

MODEL, EXPECTED, ENTRY = "model", "expected.npy", "entry.json"
# What the only input of the suite's networks is called in their files.
INPUT = "x"
COST_FIELDS = (
    "multiply_adds",
    "memory_access_cost",
    "memory_access_bytes",
    "memory_access_bound",
    "weights",
)
# A run that takes longer than a day would find its network gone, and say so.
OLD_SECONDS = 24 * 3600.0
NETWORK_COST = TypeAdapter(NetworkCost)
# What all networks had before it could be chosen: one image, as wide as it is high.
ONCE_ALL = (("batch", 1), ("width", None))
QUANTISATION: TypeAdapter[Quantisation | None] = TypeAdapter(Quantisation | None)
NETWORK_SOURCES = Path(__file__).parent.parent.parent / "networks"
# What networks are built of; what the paper draws of them is not.
BUILDING = ("*.py", "whole/*.py")


def digest(
    network: Network | WholeNetwork, backend: str, seed: int, quantiser: Quantiser | None = None
) -> str:
    """Return the SHA-256 of all that an exported network depends on, without building it.

    That is its declaration, the backend that it is for, the seed, the sources of networks/, and the
    versions of the exporters and of what converts and quantises for that backend. Raises
    PlatformError when that is not installed.
    """
    declaration = {n: value for n, value in asdict(network).items() if (n, value) not in ONCE_ALL}
    parts: list[object] = [declaration, backend, seed, OPSET, _exporters()]
    converting = backends.backend(backend).converter
    if converting:
        parts.append(converter(converting).versions())
    if quantiser:
        parts.append(quantiser.versions())
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def exporter_versions() -> dict[str, str]:
    """Return the versions of what builds and exports networks; PackageNotFoundError if missing."""
    return {name: importlib.metadata.version(name) for name in ("torch", "onnx", "numpy")}


@cache
def _exporters() -> str:
    """Return the SHA-256 of what builds and exports a network, other than its declaration."""
    state = hashlib.sha256(json.dumps(exporter_versions()).encode())
    for file in sorted(file for p in BUILDING for file in NETWORK_SOURCES.glob(p)):
        state.update(file.read_bytes())
    return state.hexdigest()


def build(network: Network | WholeNetwork, seed: int) -> nn.Module:
    """Return the network with weights drawn from `seed`."""
    from guideline_benchmarks.networks import blocks
    from guideline_benchmarks.networks.catalogue import NETWORKS, UNITS

    if isinstance(network, WholeNetwork):
        return blocks.initialise(NETWORKS[network.name].build(), seed)
    block = UNITS.get(network.block) or getattr(blocks, network.block)
    module = blocks.stack(lambda: block(**network.arguments), network.times)
    return blocks.initialise(module, seed)


def prepare(
    cell: Cell,
    backend: str,
    seed: int,
    store: Path,
    patience: float = PATIENCE,
    quantiser: Quantiser | None = None,
) -> tuple[Cell, ModelFiles]:
    """Return the cell with its cost, and its files, exported into `store` if they are not there.

    Damaged files are exported again. Imports torch only for what is missing. A network of the
    user's may take `patience` seconds. Where there is a `quantiser`, the network is made one of
    int8. Raises BadInputError when the store cannot be written, PlatformError when its disk is full
    or when what exports a network is not installed.
    """
    if isinstance(cell.network, UserNetwork):
        models = store / "models"
        return _prepare_users(cell, cell.network, backend, seed, models, patience, quantiser)
    if isinstance(cell.network, DerivedNetwork):
        return _prepare_derived(cell, cell.network, backend, store, quantiser)
    key = digest(cell.network, backend, seed, quantiser)
    folder = store / "models" / key
    try:
        entry = _stored_entry(folder) or _export(cell.network, backend, seed, folder, quantiser)
    except ImportError as error:
        raise PlatformError(
            f"Networks cannot be exported, since {error.name} is not installed: pip install it."
        ) from None
    counted = NETWORK_COST.validate_python(entry["layers"]) if cell.profiled else None
    cost = {name: entry["cost"][name] for name in COST_FIELDS}
    quantised = QUANTISATION.validate_python(entry.get("quantised"))
    return replace(cell, **cost, counted=counted, model=key, quantised=quantised), ModelFiles(
        model=folder / MODEL, expected=folder / EXPECTED
    )


def _prepare_users(
    cell: Cell,
    network: UserNetwork,
    backend: str,
    seed: int,
    models: Path,
    patience: float,
    quantiser: Quantiser | None,
) -> tuple[Cell, ModelFiles]:
    """Export a network of the user's anew; what it depends on is known only to itself.

    Its files lie in a folder of their content, below one of its name, from which those of earlier
    versions are cleared that no run can still be using.
    """
    name = json.dumps([network.model, asdict(network.given), backend, str(Path.cwd())])
    place = models / f"user-{_sha256(name.encode(errors='surrogateescape'))}"
    make_cache_folder(place)
    _clear_old(place)
    try:
        exporting = user_networks.exported(network, backend, seed, place, patience)
        with exporting as (found, cost, made):
            quantised = _finish_file(made, found, backend, quantiser)
            key = _digest_of([made / file for file in apart.FILES])
            folder = place / key
            if not folder.exists():
                made.rename(folder)
            os.utime(folder)
    finally:
        # Of a network that was refused nothing is left.
        with suppress(OSError):
            place.rmdir()
    figures = {name: getattr(cost, name) for name in COST_FIELDS} if cost else {}
    cell = replace(cell, network=found, model=key, counted=cost, quantised=quantised, **figures)
    return cell, ModelFiles(folder / MODEL, folder / apart.EXPECTED, folder / apart.VALUES)


def _prepare_derived(
    cell: Cell, network: DerivedNetwork, backend: str, store: Path, quantiser: Quantiser | None
) -> tuple[Cell, ModelFiles]:
    """Make the files of a graph of the suite's for a backend, of the ONNX file that was kept.

    What is expected is what ONNX Runtime computes of it without any optimisation.
    """
    row = backends.backend(backend)
    versions = [exporter_versions(), row.converter and converter(row.converter).versions()]
    versions.append(quantiser.versions() if quantiser else "")
    key = _sha256(json.dumps([asdict(network), backend, versions], sort_keys=True).encode())
    folder = store / "models" / key
    files = ModelFiles(folder / MODEL, folder / apart.EXPECTED, folder / apart.VALUES)
    entry = _stored_entry(folder, (MODEL, apart.EXPECTED, apart.VALUES))
    if entry is None:
        graph, values = derived.kept(store, network.graph)
        exported = derived.exported(graph, values, row.model_format)
        model, quantised = _finished(exported, values, backend, quantiser)
        expected = derived.reference(graph, values)
        contents = {
            MODEL: model,
            apart.EXPECTED: npz(expected.values()),
            apart.VALUES: npz(values.values()),
        }
        shapes = {name: value.shape for name, value in values.items()}
        counted = derived.costs(graph, shapes)
        figures = {
            "cost": {name: getattr(counted, name) for name in COST_FIELDS},
            "layers": counted.as_dict(),
            "quantised": asdict(quantised) if quantised else None,
        }
        entry = _store(folder, contents, figures)
    cost = {name: entry["cost"][name] for name in COST_FIELDS}
    quantisation = QUANTISATION.validate_python(entry["quantised"])
    return replace(cell, **cost, model=key, quantised=quantisation), files


def _finished(
    model: bytes, inputs: Mapping[str, Any], backend: str, quantiser: Quantiser | None
) -> tuple[bytes, Quantisation | None]:
    """Return an exported model as a backend reads it, and how it was made one of int8, if it was.

    It is calibrated on `inputs`.
    """
    converting = backends.backend(backend).converter
    if converting:
        model = converter(converting).convert(model)
    return quantiser.quantise(model, inputs) if quantiser else (model, None)


def _finish_file(
    made: Path, network: UserNetwork, backend: str, quantiser: Quantiser | None
) -> Quantisation | None:
    """Do the same to the model file in a folder, in its place, with the inputs beside it."""
    if not (quantiser or backends.backend(backend).converter):
        return None
    if quantiser and network.precision != "fp32":
        raise BadInputError(
            f"{network.model} is in {network.precision} already, and --precision int8 quantises "
            "networks in fp32: measure it as it is, without that option."
        )
    names = [one.name for one in network.inputs]
    inputs = kept_outputs(str(made / apart.VALUES), names)
    model, quantised = _finished((made / MODEL).read_bytes(), inputs, backend, quantiser)
    (made / MODEL).write_bytes(model)
    return quantised


def _clear_old(place: Path) -> None:
    """Remove what was exported of a network a day ago or earlier, and what was left half done."""
    with suppress(OSError):
        for folder in place.iterdir():
            if time.time() - folder.stat().st_mtime > OLD_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)


def _digest_of(files: Sequence[Path]) -> str:
    """Return the SHA-256 of the content of those files that are there."""
    state = hashlib.sha256()
    for file in files:
        if file.exists():
            with file.open("rb") as opened:
                state.update(hashlib.file_digest(opened, "sha256").digest())
    return state.hexdigest()


def _stored_entry(folder: Path, files: Sequence[str] = (MODEL, EXPECTED)) -> dict[str, Any] | None:
    """Return what is kept beside a cached network, or None unless the entry is whole."""
    try:
        entry: dict[str, Any] = json.loads((folder / ENTRY).read_bytes())
        for name in files:
            if _sha256((folder / name).read_bytes()) != entry["sha256"][name]:
                return None
        NETWORK_COST.validate_python(entry["layers"])
        QUANTISATION.validate_python(entry.get("quantised"))
        return entry if set(COST_FIELDS) <= set(entry["cost"]) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _export(
    network: Network | WholeNetwork,
    backend: str,
    seed: int,
    folder: Path,
    quantiser: Quantiser | None,
) -> dict[str, Any]:
    """Build a network, write its cache entry, and return that."""
    import torch

    from guideline_benchmarks.networks.cost import cost
    from guideline_benchmarks.networks.folding import fold_batch_norm

    module = build(network, seed)
    x = example_input(network.input_shape, seed)
    total = cost(module, network.input_shape)
    with torch.inference_mode():
        expected = npy(module(x).numpy())
    figures = {name: getattr(total, name) for name in COST_FIELDS}
    export = EXPORTERS[backends.backend(backend).model_format]
    exported = export(fold_batch_norm(module), x)
    model, quantised = _finished(exported, {INPUT: x.numpy()}, backend, quantiser)
    counted = {
        "cost": figures,
        "layers": total.as_dict(),
        "quantised": asdict(quantised) if quantised else None,
    }
    return _store(folder, {MODEL: model, EXPECTED: expected}, counted)


def _store(folder: Path, contents: dict[str, bytes], counted: dict[str, Any]) -> dict[str, Any]:
    """Write a cache entry, its index last, so that it is whole or not there; return the index."""
    for name, content in contents.items():
        keep_file(folder / name, content)
    entry = {**counted, "sha256": {name: _sha256(c) for name, c in contents.items()}}
    keep_file(folder / ENTRY, json.dumps(entry))
    return entry


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
