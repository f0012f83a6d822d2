"""Pages in a real browser: nothing sticks out of the window, and plots stay legible."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from guideline_benchmarks.results.store import run_folders
from tests.synthetic import noisy, run_of

REFERENCE = Path(__file__).parent.parent / "results" / "reference"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)
OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
SOLO = ("cpu-amd-epyc", "cpu-amd-epyc-fig2", "arm-modelled-cortex-a57")
ENTRANTS = ("cpu-amd-epyc", "cpu-torch-amd-epyc", "arm-emulated-cortex-a57", SOLO[2])
PAGES = (*(f"{name}/report/report.html" for name in SOLO), "compare.html", "history.html")
# A plot may be drawn smaller than it is, so that it fits, but not so that it cannot be read.
LEAST_SCALE = 0.7
# What a page is asked, once it is drawn: which of its parts end right of the window, or of the box
# that they scroll in; how far its plots shrink; whether boxes that scroll show that they do.
SCRIPT = """<script>addEventListener("load", () => {
  const root = document.documentElement, all = s => [...document.querySelectorAll(s)];
  const right = e => e.getBoundingClientRect().right;
  root.dataset.measured = JSON.stringify({
    window: innerWidth, visible: root.clientWidth, needed: root.scrollWidth,
    outside: all("body *").filter(e => right(e) > root.clientWidth + 0.5).map(e => e.outerHTML),
    scales: all("img").map(e => e.width / e.naturalWidth),
    boxes: all(".scroll").map(
      e => [e.scrollWidth > e.clientWidth, e.offsetHeight > e.clientHeight]),
  });
});</script>"""

pytestmark = [
    pytest.mark.skipif(BROWSER is None, reason="there is no Chromium to look at pages with"),
]


@pytest.fixture(scope="module")
def pages(made_once, ready_python):
    """A folder with a page of each kind, as the program writes them."""

    def make(folder):
        for name in SOLO:
            shutil.copytree(REFERENCE / name, folder / name)
        for day in range(1, 9):
            run_folders.write_run(folder / "runs" / str(day), changing(day))
        entrants = [REFERENCE / name for name in ENTRANTS]
        for command in (
            ["report", *(folder / name for name in SOLO)],
            ["compare", *entrants, "paper:gpu", "paper:arm", "--out", folder],
            ["history", folder / "runs", "--out", folder],
        ):
            subprocess.run([ready_python, "-m", "guidelines", *map(str, command)], check=True)

    return made_once("pages", make)


def changing(day):
    """A run of all guidelines, one cell of which is slower from the fifth day on."""

    def truth(cell):
        return 6.0 if day > 4 and cell.name == "g4/none/x1" else 5.0

    run = run_of(["g1", "g2", "g3", "g4"], noisy(truth, noise=0.004, seed=day))
    session = run.sessions[0].model_copy(update={"started": f"2026-01-{day:02}T00:00:00+00:00"})
    return run.model_copy(update={"sessions": [session]})


def measured(page, width, folder):
    """Open a page in a window of so many pixels; return what it says of itself."""
    copy = folder / "page.html"
    copy.write_text(page.read_text() + SCRIPT)
    place = [f"--user-data-dir={folder / 'profile'}", f"--window-size={width},2000"]
    command = [BROWSER, *OPTIONS, *place, "--dump-dom", copy.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    found = re.search(r'data-measured="([^"]*)"', done.stdout)
    assert found, done.stderr[-2000:]
    told = json.loads(html.unescape(found[1]))
    assert told["window"] == width
    return told


def in_windows(page):
    """The windows that a page is looked at in: of other runs' reports the narrow one by day."""
    wide = [pytest.mark.slow] if page in PAGES[1 : len(SOLO)] else []
    return [pytest.param(page, 800), pytest.param(page, 1300, marks=wide)]


@pytest.mark.parametrize(
    ("page", "width"), [window for page in PAGES for window in in_windows(page)]
)
def test_a_page_fits_into_its_window(page, width, pages, tmp_path):
    told = measured(pages / page, width, tmp_path)
    assert told["needed"] <= told["visible"]
    assert told["outside"] == []
    assert told["boxes"]
    assert not any(scrolls for scrolls, _ in told["boxes"])
    assert told["scales"]
    assert min(told["scales"]) >= LEAST_SCALE


def test_what_is_too_wide_for_a_small_window_can_be_seen_to_scroll(pages, tmp_path):
    told = measured(pages / "compare.html", 500, tmp_path)
    assert told["needed"] <= told["visible"]
    assert any(scrolls for scrolls, _ in told["boxes"])
    assert all(shown for scrolls, shown in told["boxes"] if scrolls)
