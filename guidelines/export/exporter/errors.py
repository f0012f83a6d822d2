"""What ends an export: one sentence for the user."""

from __future__ import annotations

import textwrap

# What the runtime puts before the reason of a failure.
_CODES = "[ONNXRuntimeError]"
LONGEST = 300


class RefusedError(Exception):
    """The network cannot be measured; its text is the sentence that says why."""


def first_line(error: BaseException) -> str:
    """Return the first line that an error says, as the end of a sentence."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = lines[0] if lines else type(error).__name__
    if said.startswith(_CODES):
        said = said.split(" : ", 3)[-1]
    return textwrap.shorten(said, LONGEST, placeholder="…").rstrip(".") + "."
