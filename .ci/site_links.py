"""Links of the docs to files beside docs/, which the site does not hold."""

from __future__ import annotations

import re
from typing import Any

_BESIDE = re.compile(r"\[([^\]]+)\]\(\.\./[^)]+\)")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Return a page with the names of such files in place of the links; mkdocs calls it."""
    return _BESIDE.sub(r"\1", markdown)
