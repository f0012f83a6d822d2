"""The worker packed into one file, which any Python 3.9 or newer with a runtime can execute."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

from guideline_benchmarks.results.store.files import keep_file

SOURCES = Path(__file__).parent / "worker"
MAIN = "from worker.entry import main\nmain()\n"


def digest() -> str:
    """Return the SHA-256 of the worker's sources: it identifies what timed a run."""
    state = hashlib.sha256()
    for file in sorted(SOURCES.rglob("*.py")):
        state.update(
            file.relative_to(SOURCES).as_posix().encode() + b"\0" + file.read_bytes() + b"\0"
        )
    return state.hexdigest()


def build(folder: Path) -> Path:
    """Keep the archive in `folder`, a cache (see results.store.files.keep_file); return its path.

    The same sources make the same bytes, so that a board needs them once.
    """
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr(zipfile.ZipInfo("__main__.py"), MAIN)
        for file in sorted(SOURCES.rglob("*.py")):
            packed.writestr(
                zipfile.ZipInfo(f"{file.relative_to(SOURCES.parent).as_posix()}"), file.read_bytes()
            )
    path = folder / f"worker-{digest()[:16]}.pyz"
    keep_file(path, archive.getvalue())
    return path
