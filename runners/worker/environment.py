"""Which variables of a user's environment a worker does not have: those that tune.

No record would show what they change of the figures: the platform alone says how many threads there
are, and where they run. Standard library only; an emulated worker's environment is empty anyway.
"""

from __future__ import annotations

from collections.abc import MutableMapping

# What tunes threads, kernels, memory or the interpreter itself begins so.
TUNING = (
    *("OMP_", "GOMP_", "KMP_", "LIBOMP", "MKL_", "OPENBLAS_", "GOTO_", "BLIS_", "VECLIB_"),
    *("ATEN_", "DNNL_", "ONEDNN_", "NPY_", "ORT_", "PYTORCH_", "TORCH_", "TORCHINDUCTOR_"),
    *("CUBLAS_", "CUDNN_", "CUDA_LAUNCH_BLOCKING", "CUDA_DEVICE_MAX_CONNECTIONS"),
    *("GLIBC_TUNABLES", "MALLOC_", "PYTHONDEVMODE", "PYTHONMALLOC", "PYTHONOPTIMIZE"),
    *("PYTHONTRACEMALLOC", "PYTHONVERBOSE"),
)
# Those that end so say where something lies.
PLACES = ("_DIR", "_HOME", "_PATH")
# Where two OpenMP libraries meet, nothing starts without it; it changes no time.
STAYS = ("KMP_DUPLICATE_LIB_OK",)


def tunes(name: str) -> bool:
    """Whether a variable of that name is kept from a worker."""
    return name.startswith(TUNING) and not name.endswith(PLACES) and name not in STAYS


def clear(environment: MutableMapping[str, str]) -> None:
    """Remove all variables that tune from an environment, before any library reads them."""
    for name in filter(tunes, list(environment)):
        del environment[name]
