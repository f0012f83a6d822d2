"""The studies behind some commands are one-off research, kept with the suite's source alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from guideline_benchmarks.results.errors import BadInputError

STUDIES = "guideline_benchmarks.guidelines.studies"


@contextmanager
def importing_a_study(command: str) -> Iterator[None]:
    """Import a study within this; raises BadInputError where the suite is installed without."""
    try:
        yield
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith(STUDIES):
            raise
        raise BadInputError(
            f"`guidelines {command}` needs {STUDIES}, which is in a checkout of the suite only: "
            "clone the repository, and run it there."
        ) from None
