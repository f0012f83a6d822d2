"""Pages that are no report of one run, in Markdown and as one self-contained HTML file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from reports.formats.pipe_tables import escape, markdown_table
from reports.formats.rendering import data_uri, environment
from reports.layout import Part
from reports.run.plots import Kind, image
from results.store.background import in_background
from results.store.files import write_file


def page_markdown(title: str, parts: Sequence[Part]) -> str:
    """Return a page in Markdown; plots lie beside it as NAME.svg."""
    said = [f"# {escape(title)}"]
    for part in parts:
        said.append(f"## {escape(part.title)}")
        said += [escape(line) for line in part.lines]
        said += [f"![{escape(text)}]({name}.svg)" for name, text in part.plots]
        for table in part.tables:
            said += [f"{escape(table.caption)}:", markdown_table(table)]
    return "\n\n".join(said) + "\n"


def write_images(
    figures: Mapping[str, Figure], folder: Path, meanwhile: Callable[[], None] = lambda: None
) -> dict[str, bytes]:
    """Write every figure as NAME.png and NAME.svg into `folder`; return the SVGs by name.

    `meanwhile` is called while they are drawn.
    """
    kinds: tuple[Kind, ...] = ("svg", "png")
    jobs = [(name, figure, kind) for name, figure in figures.items() for kind in kinds]
    drawings = {}
    with in_background(_draw, jobs) as pictures:
        meanwhile()
        for (name, _, kind), picture in zip(jobs, pictures, strict=True):
            write_file(folder / f"{name}.{kind}", picture)
            if kind == "svg":
                drawings[name] = picture
    return drawings


def _draw(job: tuple[str, Figure, Kind]) -> bytes:
    _, figure, kind = job
    return image(figure, kind)


def write_page(
    folder: Path,
    name: str,
    title: str,
    parts: Sequence[Part],
    figures: Mapping[str, Figure],
    meanwhile: Callable[[], None],
) -> Path:
    """Write NAME.html, NAME.md and every figure as PNG and SVG into `folder`; return the HTML.

    `meanwhile` is called while the figures are drawn. Raises the errors of write_file.
    """
    drawings = write_images(figures, folder, meanwhile)
    write_file(folder / f"{name}.md", page_markdown(title, parts))
    shown = [
        (part, [(text, data_uri(drawings[key])) for key, text in part.plots]) for part in parts
    ]
    page = folder / f"{name}.html"
    write_file(page, environment().get_template("page.html").render(title=title, parts=shown))
    return page
