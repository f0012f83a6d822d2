"""Types of a record's fields with their bounds; pydantic checks them, and is not imported here.

What experiments declare is read by every command, by those too that read no record.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from annotated_types import Ge, Le

# Integers that fit any reader of JSON, and seeds that fit the generators.
LARGEST = 2**63 - 1
NonNegativeInt = Annotated[int, Ge(0), Le(LARGEST)]
PositiveInt = Annotated[int, Ge(1), Le(LARGEST)]
NonNegative = Annotated[float, Ge(0)]
# What is divided by, and divided, without leaving what a float can hold.
Speed = Annotated[float, Ge(1e-6), Le(1e18)]
WeightBits = Annotated[int, Ge(2), Le(8)]
Percent = Annotated[float, Ge(0), Le(100)]

# Characters: of any text, and of a word of a command line, for which Linux has room for so many.
LONGEST_TEXT, LONGEST_WORD = 10_000, 2**17

# What a dataclass that is a part of a record tells pydantic: unknown fields are refused.
STRICT: Any = {"extra": "forbid", "allow_inf_nan": False, "str_max_length": LONGEST_TEXT}


class Matching:
    """A bound of text: a regular expression, and the most characters."""

    def __init__(self, pattern: str, longest: int) -> None:
        self.bounds = {"pattern": pattern, "max_length": longest}

    def __get_pydantic_core_schema__(
        self, source: Any, handler: Callable[[Any], dict[str, Any]]
    ) -> dict[str, Any]:
        """Return the schema of the text with its bounds, when pydantic asks for it."""
        return {**handler(source), **self.bounds}


# Names become parts of file names: no separators, no leading dot.
Name = Annotated[str, Matching(r"^[a-z0-9][a-z0-9_.@:-]*$", 100)]
