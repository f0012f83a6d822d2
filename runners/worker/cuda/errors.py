"""What goes wrong with networks on a GPU, in one sentence each."""

from __future__ import annotations

# The driver's number for it (cuda.h), and what it is called where no number is given.
OUT_OF_MEMORY = 2
_NO_MEMORY = ("out of memory", "failed to allocate memory", "alloc_failed")


def first_sentence(error: BaseException) -> str:
    """Return the first line of what an error says, without the full stop."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].split(". ")[0].rstrip(". ")


def too_large(free: int, total: int) -> RuntimeError:
    """Return the error of a network that needs more than the `free` of `total` bytes of memory."""
    return RuntimeError(
        f"it needs more memory than the GPU has, where {free / 2**30:.1f} of {total / 2**30:.1f} "
        "GiB are free: end other programs on it, or measure smaller batches"
    )


def not_capturable(error: BaseException, instead: str) -> RuntimeError:
    """Return the error of a network that no CUDA graph can hold, and what to measure `instead`."""
    said = first_sentence(error)
    return RuntimeError(f"it cannot be captured in a CUDA graph ({said}): measure it on {instead}")


def lacks_memory(error: BaseException) -> bool:
    """Whether an error of the driver, or of a runtime in its words, says that memory ran out."""
    said = str(error).lower()
    return getattr(error, "number", None) == OUT_OF_MEMORY or any(
        sign in said for sign in _NO_MEMORY
    )
