"""JSON that may come from a stranger: bounded, no key twice, and only text that can be shown."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from guideline_benchmarks.results.record.text import is_plain, plain
from guideline_benchmarks.results.store.compressed import read_stored


def read_json(file: Path) -> tuple[Any, bytes]:
    """Return what a stored file holds, and the same as JSON, whose text is plain.

    Raises OSError when it cannot be read, and ValueError for what is damaged, too large, no JSON,
    or has a key twice.
    """
    text = read_stored(file)
    try:
        content = json.loads(text, object_pairs_hook=_without_doubles)
        if is_plain(text):
            return content, text
        content = plain(content)
        return content, json.dumps(content).encode()
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _without_doubles(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of JSON; raises ValueError where a key is there twice."""
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        double = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f'the key "{plain(double[:100])}" is there twice')
    return found
