"""The one place where text from elsewhere is made harmless.

A record, or a board, may say anything, escapes that a terminal obeys among it. Whoever reads JSON
that this program did not write has its text cleaned here, so that no format need ask again.
"""

from __future__ import annotations

import re
from typing import Any

REPLACEMENT = "\ufffd"
# Control characters but for tab and newline, which messages of runtimes have; what turns the
# direction of writing; and what other programs take for ends of lines.
_HARMFUL = (
    *range(0x09),
    *range(0x0B, 0x20),
    *range(0x7F, 0xA0),
    *(0x61C, 0x200E, 0x200F, 0x2028, 0x2029),
    *range(0x202A, 0x202F),
    *range(0x2066, 0x206A),
)
_CLEANED = dict.fromkeys(_HARMFUL, REPLACEMENT)
# Where JSON may hold any of them: as its escapes \\b, \\f, \\r and \\u…, or as they are, in UTF-8.
_SUSPICIOUS = re.compile(rb"\\[bfru]|\x7f|\xc2[\x80-\x9f]|\xd8\x9c|\xe2(?:\x80[\x8e-\xae]|\x81)")


def is_plain(json_text: bytes) -> bool:
    """Whether JSON holds no text that `plain` would change; in doubt it says no."""
    return _SUSPICIOUS.search(json_text) is None


def plain(content: Any) -> Any:
    """Return the content of a JSON document with a sign in place of each harmful character."""
    if isinstance(content, str):
        return content.translate(_CLEANED)
    if isinstance(content, list):
        return [plain(item) for item in content]
    if isinstance(content, dict):
        return {plain(key): plain(value) for key, value in content.items()}
    return content
