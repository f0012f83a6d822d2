"""The worker packed into one file, which any Python 3.9 or newer with a runtime can execute."""

from __future__ import annotations

import hashlib
import io
import zipapp
from pathlib import Path

from results.store import write_file

SOURCES = Path(__file__).parent / "worker"


def digest() -> str:
    """Return the SHA-256 of the worker's sources: it identifies what timed a run."""
    state = hashlib.sha256()
    for file in sorted(SOURCES.glob("*.py")):
        state.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return state.hexdigest()


def build(folder: Path) -> Path:
    """Write the archive into `folder`, whole (see results.store.write_file); return its path."""
    archive = io.BytesIO()
    zipapp.create_archive(
        SOURCES.parent,
        archive,
        main="worker.main:main",
        filter=lambda file: file.parts[0] == SOURCES.name and file.suffix == ".py",
    )
    path = folder / f"worker-{digest()[:16]}.pyz"
    write_file(path, archive.getvalue())
    return path
