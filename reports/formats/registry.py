"""All formats that documents are written in. A further one is a file beside this, and a line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from guideline_benchmarks.reports.document import Document
from guideline_benchmarks.reports.formats.html import html
from guideline_benchmarks.reports.formats.images import write_images
from guideline_benchmarks.reports.formats.latex import latex
from guideline_benchmarks.reports.formats.markdown import markdown
from guideline_benchmarks.results.store.files import write_file


@dataclass(frozen=True)
class Format:
    """How a document becomes a file: what the file's name ends in, and its text."""

    suffix: str
    text: Callable[[Document], str]


FORMATS: dict[str, Format] = {
    "markdown": Format("md", markdown),
    "latex": Format("tex", latex),
    "html": Format("html", html),
}


def write(document: Document, folder: Path, meanwhile: Callable[[], None] = lambda: None) -> Path:
    """Write a document in every format into `folder`, its data and figures beside it.

    Returns the HTML page. `meanwhile` is called while figures are drawn. Raises the errors of
    results.store.files.write_file.
    """
    drawn = replace(document, drawings=write_images(document.figures, folder, meanwhile))
    for name, content in document.data.items():
        write_file(folder / name, content)
    for name, setting in FORMATS.items():
        if name not in document.left_out:
            write_file(folder / f"{document.name}.{setting.suffix}", setting.text(drawn))
    return folder / f"{document.name}.{FORMATS['html'].suffix}"
