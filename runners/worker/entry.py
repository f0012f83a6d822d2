"""How the worker starts: it reads the first request before it imports what may not be installed."""

from __future__ import annotations

import json
import os
import shlex
import sys
from typing import TextIO


def streams() -> tuple[TextIO, TextIO]:
    """Return the request and answer streams; whatever else is printed goes to standard error."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return sys.stdin, answers


def installing(words: str) -> str:
    """Return the command by which this very Python gets packages, as pip's `words` say."""
    return f"{shlex.quote(sys.executable)} -m {words}"


def refuse(answers: TextIO, reason: str, asked_wrong: bool) -> None:
    """Say why nothing can be measured here, and whether that is for what was asked."""
    event = {"event": "unavailable", "reason": reason, "asked_wrong": asked_wrong}
    answers.write(json.dumps(event) + "\n")
    answers.flush()


def main() -> None:
    """Serve requests until told to stop or until the reader is gone."""
    requests, answers = streams()
    first = json.loads(requests.readline())
    try:
        # This needs numpy.
        from .main import main as serve
    except ImportError as error:
        refuse(answers, f"{error}: {installing(first['install'])}", asked_wrong=False)
        return
    serve(first, requests, answers)
