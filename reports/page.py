"""Pages that are no report of one run, in Markdown and as one self-contained HTML file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from reports.html import data_uri, environment
from reports.layout import Part
from reports.markdown import escape, markdown_table
from reports.plots import image
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


def write_page(
    folder: Path, name: str, title: str, parts: Sequence[Part], figures: Mapping[str, Figure]
) -> Path:
    """Write NAME.html, NAME.md and every figure as PNG and SVG into `folder`; return the HTML.

    Raises the errors of results.store.write_file.
    """
    drawings = {key: image(figure, "svg") for key, figure in figures.items()}
    for key, figure in figures.items():
        write_file(folder / f"{key}.svg", drawings[key])
        write_file(folder / f"{key}.png", image(figure, "png"))
    write_file(folder / f"{name}.md", page_markdown(title, parts))
    shown = [
        (part, [(text, data_uri(drawings[key])) for key, text in part.plots]) for part in parts
    ]
    page = folder / f"{name}.html"
    write_file(page, environment().get_template("page.html").render(title=title, parts=shown))
    return page
