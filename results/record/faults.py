"""What is wrong with a record that does not have the form that it should, in words."""

from __future__ import annotations

import textwrap

from pydantic import ValidationError


def first_fault(error: ValidationError) -> str:
    """Return where the first fault is, and what: "rounds.0.ns: Field required"."""
    first = error.errors()[0]
    # A field that does not belong there may have any name.
    where = textwrap.shorten(".".join(str(part) for part in first["loc"]), 200) or "the whole"
    return f"{where}: {first['msg']}"
