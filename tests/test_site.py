"""The docs: links that lead somewhere in a checkout, and a site that needs no network."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [
    *ROOT.glob("*.md"),
    *ROOT.glob("docs/*.md"),
    ROOT / "examples" / "README.md",
    ROOT / "results" / "paper" / "README.md",
]
LINK = re.compile(r"\]\(([^)\s]+)\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_of_the_repository(page):
    for target in LINK.findall(page.read_text()):
        if "://" not in target and not target.startswith("#"):
            assert (page.parent / target.split("#")[0]).exists(), target


def test_the_readme_is_short_and_shows_what_guidelines_cost_and_fig_1():
    text = (ROOT / "README.md").read_text()
    assert len(text.splitlines()) <= 150
    assert re.findall(r"!\[.*\]\(docs/reports/(.*)\)", text) == [
        "compare/heatmap.svg",
        "paper-xeon/networks/table8-accuracy.svg",
        "advise-xeon/shufflenet-v2-cpu/bar.svg",
    ]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    if importlib.util.find_spec("mkdocs") is None:
        pytest.skip("mkdocs is not installed: make docs")
    folder = tmp_path_factory.mktemp("site")
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder]
    done = subprocess.run(
        build,
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return folder


def test_every_page_is_in_the_site(site):
    for page in ROOT.glob("docs/**/*.md"):
        assert (site / page.relative_to(ROOT / "docs")).with_suffix(".html").is_file()


def test_pages_load_nothing_over_the_network(site):
    pages = list(site.rglob("*.html"))
    assert pages
    for page in pages:
        text = page.read_text()
        loaded = re.findall(r"<(?:script|img|iframe)\b[^>]*?\ssrc=\"?([^\"\s>]+)", text)
        loaded += re.findall(r"<link\b[^>]*?rel=\"?(?:stylesheet|preconnect)[^>]*", text)
        assert loaded, page
        assert not [address for address in loaded if "//" in address], page


def test_what_lies_beside_the_docs_is_named_and_not_linked(site):
    text = (site / "record.html").read_text()
    assert "<code>results/record/schema.py</code>" in text
    assert 'schema.py"' not in text


def test_the_architecture_names_files_that_exist():
    text = (ROOT / "docs" / "architecture.md").read_text()
    rooms = "guidelines|networks|runners|results|reports|tests|examples"
    named = set(re.findall(rf"`((?:{rooms})/[\w/.]*)`", text))
    assert named
    assert not [name for name in sorted(named) if not (ROOT / name).exists()]
