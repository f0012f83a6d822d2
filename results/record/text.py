"""The one place where text from elsewhere is made harmless.

A record, or a board, may say anything, escapes that a terminal obeys among it. Whoever reads JSON
that this program did not write has its text cleaned here, so that no format need ask again.
"""

from __future__ import annotations

import re
from typing import Any

REPLACEMENT = "\ufffd"
# Control characters but for tab and newline, which messages of runtimes have; what turns the
# direction of writing; and what other programs take for ends of lines. As in brackets of a pattern.
HARMFUL = r"\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"
_HARMFUL = re.compile(f"[{HARMFUL}]")
# Where JSON may hold any of them: as its escapes \\b, \\f, \\r and \\u…, or as they are, in UTF-8.
_SUSPICIOUS = re.compile(rb"\\[bfru]|\x7f|\xc2[\x80-\x9f]|\xd8\x9c|\xe2(?:\x80[\x8e-\xae]|\x81)")


def is_plain(json_text: bytes) -> bool:
    """Whether JSON holds no text that `plain` would change; in doubt it says no."""
    return _SUSPICIOUS.search(json_text) is None


def plain(content: Any) -> Any:
    """Return the content of a JSON document with a sign in place of each harmful character."""
    if isinstance(content, str):
        return _HARMFUL.sub(REPLACEMENT, content)
    if isinstance(content, list):
        return [plain(item) for item in content]
    if isinstance(content, dict):
        return {plain(key): plain(value) for key, value in content.items()}
    return content
