"""The platforms that come with the suite: a TOML file each in this folder."""

from __future__ import annotations

import tomllib
from pathlib import Path

FOLDER = Path(__file__).parent


def platform_names() -> list[str]:
    """Return their names."""
    return sorted(file.stem for file in FOLDER.glob("*.toml"))


def descriptions() -> dict[str, str]:
    """Return what each is, by name."""
    texts = {name: (FOLDER / f"{name}.toml").read_text("utf-8") for name in platform_names()}
    return {name: tomllib.loads(text)["description"] for name, text in texts.items()}
