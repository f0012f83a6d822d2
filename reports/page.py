"""Pages that are no report of one run, in Markdown and as one self-contained HTML file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from reports.layout import Part
from reports.pipe_tables import escape, markdown_table
from reports.plots import image
from reports.rendering import data_uri, environment
from results.background import in_background
from results.store import write_file


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


def write_images(figures: Mapping[str, Figure], folder: Path) -> dict[str, bytes]:
    """Write every figure as NAME.png and NAME.svg into `folder`; return the SVGs by name."""
    with in_background(_png, list(figures.values())) as pictures:
        drawings = {name: image(figure, "svg") for name, figure in figures.items()}
        for (name, drawing), picture in zip(drawings.items(), pictures, strict=True):
            write_file(folder / f"{name}.svg", drawing)
            write_file(folder / f"{name}.png", picture)
    return drawings


def _png(figure: Figure) -> bytes:
    return image(figure, "png")


def write_page(
    folder: Path, name: str, title: str, parts: Sequence[Part], figures: Mapping[str, Figure]
) -> Path:
    """Write NAME.html, NAME.md and every figure as PNG and SVG into `folder`; return the HTML.

    Raises the errors of results.store.write_file.
    """
    drawings = write_images(figures, folder)
    write_file(folder / f"{name}.md", page_markdown(title, parts))
    shown = [
        (part, [(text, data_uri(drawings[key])) for key, text in part.plots]) for part in parts
    ]
    page = folder / f"{name}.html"
    write_file(page, environment().get_template("page.html").render(title=title, parts=shown))
    return page
