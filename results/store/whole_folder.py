"""Folders of the cache that are whole or not there."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from guideline_benchmarks.results.store.files import CACHE, file_error

T = TypeVar("T")


def make_folder(folder: Path, fill: Callable[[Path], T]) -> T:
    """Make a folder of the cache anew, whole or not at all, and return what `fill` returns.

    `fill` fills a folder beside it. Raises PlatformError where it cannot be written.
    """
    fresh = folder.with_name(f".{folder.name}.{os.getpid()}-{threading.get_ident():x}")
    try:
        fresh.mkdir(parents=True)
        filled = fill(fresh)
        shutil.rmtree(folder, ignore_errors=True)
        fresh.replace(folder)
    except OSError as error:
        raise file_error(folder, error, CACHE) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return filled
