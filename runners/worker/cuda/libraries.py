"""NVIDIA's libraries as ONNX Runtime's providers use them: found, missing, their versions, TF32."""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import io
import os
import re
from pathlib import Path

import onnxruntime

TENSORRT = "Tensorrt"
PIP = "pip install 'onnxruntime-gpu[cuda,cudnn]'"
INSTALL = {
    "CUDA": f"install NVIDIA's libraries beside it: {PIP}",
    TENSORRT: "install NVIDIA's libraries and TensorRT's beside it, these in the version that the "
    f"name libnvinfer.so ends in: {PIP} tensorrt",
}


def allow_tf32(allowed: bool) -> None:
    """Let, or do not let, the libraries round float32 to TF32, before they are loaded.

    TensorRT's provider has no option for it.
    """
    os.environ.pop("NVIDIA_TF32_OVERRIDE", None)
    if not allowed:
        os.environ["NVIDIA_TF32_OVERRIDE"] = "0"


def load_libraries(provider: str) -> None:
    """Load the libraries where pip put them, if it did: the system does not look there."""
    # It prints what it does not find, even what is not needed; old releases do not have it.
    with contextlib.redirect_stdout(io.StringIO()):
        getattr(onnxruntime, "preload_dlls", lambda: None)()
    if provider == TENSORRT:
        with contextlib.suppress(ImportError, OSError):
            importlib.import_module("tensorrt_libs")


def missing_library(provider: str) -> str | None:
    """Return which library keeps a provider from starting, which the runtime only logs; or None.

    To be called once the runtime has tried: until then no provider can be loaded.
    """
    file = f"libonnxruntime_providers_{provider.lower()}.so"
    try:
        ctypes.CDLL(str(Path(onnxruntime.__file__).parent / "capi" / file))
    except OSError as error:
        said = str(error)
        return None if file in said else f"{said.split(': ')[0]} is missing"
    return None


def loaded_version(library: str, function: str) -> str:
    """Return what a function of a library says, "" if the library is not loaded."""
    found = re.search(rf"/\S*/{re.escape(library)}\S*", Path("/proc/self/maps").read_text())
    return str(getattr(ctypes.CDLL(found[0]), function)()) if found else ""
