"""The short names of the rooms, at the root of a checkout: `results.errors` is no second module.

`python -m results.record.schema`, and a script with the checkout on its path, find the folders at
the root. Loaded under two names, a class would be two, and no instance of one be one of the other;
so what is asked for by its short name is the module of `guideline_benchmarks`.
"""

from __future__ import annotations

import importlib
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import CodeType, ModuleType
from typing import Any


class _ShortNames(MetaPathFinder, Loader):
    """Finds and loads the modules of the rooms that were found by their short names.

    A user's own `results` is none of these.
    """

    def __init__(self) -> None:
        self.rooms: set[str] = set()

    def find_spec(self, name: str, *_: Any) -> ModuleSpec | None:
        """Return how to load a module of such a room; None for any other."""
        if name.partition(".")[0] not in self.rooms:
            return None
        found = find_spec(_long(name))
        return found and ModuleSpec(name, self, origin=found.origin, loader_state=found)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return the module itself, imported by its long name."""
        return importlib.import_module(_long(spec.name))

    def exec_module(self, module: ModuleType) -> None:
        """Give the module, which was executed as it was imported, its own specification back."""
        assert module.__spec__ is not None
        module.__spec__ = module.__spec__.loader_state

    def get_code(self, name: str) -> CodeType | None:
        """Return what `python -m` executes."""
        found: Any = find_spec(_long(name))
        code: CodeType | None = found.loader.get_code(found.name)
        return code


def _long(name: str) -> str:
    return f"{__package__}.{name}"


_SHORT_NAMES = _ShortNames()


def serve(room: str) -> None:
    """Have the modules of a room be found by their short names from now on."""
    _SHORT_NAMES.rooms.add(room)
    if _SHORT_NAMES not in sys.meta_path:
        sys.meta_path.insert(0, _SHORT_NAMES)
