"""What the system shows of itself: files on Linux, sysctl on macOS."""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path("/")


def read(path: str) -> str | None:
    """Return a file's text without surrounding spaces, or None if it cannot be read."""
    try:
        return (ROOT / path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None


def number(path: str) -> int | None:
    """Return the number that a file holds, or None."""
    text = read(path)
    return int(text) if text is not None and text.isdecimal() else None


def names(folder: str, pattern: str) -> list[str]:
    """Return the paths in a folder that fit a pattern, in order."""
    return sorted(str(path.relative_to(ROOT)) for path in (ROOT / folder).glob(pattern))


def sysctl(name: str) -> str | None:
    """Return a value of macOS's sysctl, or None where there is none."""
    try:
        command = ["/usr/sbin/sysctl", "-n", name]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def processors() -> list[dict[str, str]]:
    """Return the fields of each processor in Linux's /proc/cpuinfo.

    Fields that stand there once for all processors are among those of each.
    """
    blocks: list[dict[str, str]] = []
    common: dict[str, str] = {}
    for line in (read("proc/cpuinfo") or "").splitlines():
        key, _, value = (part.strip() for part in line.partition(":"))
        if key == "processor":
            blocks.append({})
        if key and blocks:
            blocks[-1][key] = value
        common.setdefault(key, value)
    return [{**common, **block} for block in blocks]
