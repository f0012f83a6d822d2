"""What commands print for other programs."""

from __future__ import annotations

import json
from typing import Any

import typer


def print_json(content: Any) -> None:
    """Print a value as JSON on standard output."""
    typer.echo(json.dumps(content, indent=2, ensure_ascii=False))
