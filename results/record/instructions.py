"""Which instructions a CPU has for products of numbers of 8 bits, by what Linux calls them."""

from __future__ import annotations

from collections.abc import Collection

X86 = ("x86_64", "AMD64", "i686")
# Those that add such products up without saturating, which x86 did not always have.
VNNI = {"avx_vnni": "AVX-VNNI", "avx512_vnni": "AVX-512 VNNI"}
NAMES = {**VNNI, "amx_int8": "AMX", "asimddp": "dot product", "i8mm": "i8mm"}


def for_int8(features: Collection[str]) -> list[str]:
    """Return what a CPU's instructions for int8 are called by its makers."""
    return [name for feature, name in NAMES.items() if feature in features]


def adds_without_saturating(architecture: str, features: Collection[str]) -> bool:
    """Whether kernels of a CPU for uint8 times int8 add up in more than 16 bits."""
    return architecture not in X86 or bool({*VNNI} & {*features})
