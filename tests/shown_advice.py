"""Advice as it is shown, for tests of its reports."""

from __future__ import annotations

import html as html_text
import io

from rich.console import Console

from guideline_benchmarks.reports.advice.brief import print_advice
from guideline_benchmarks.reports.formats.terminal import show
from tests.synthetic_advice import (
    finding_of,
    judged_of,
    segments_of,
    several,
    together_of,
)

ODD = ["a|b", "<script>alert(1)</script>", "\"quoted\" 'name'", "日本語/畳み込み", "x\ny", "*[_`#"]


def whole(agrees=True, **options):
    found = several()
    return judged_of(found, segments_of(found), together_of(found, agrees), **options)


def many(count=300):
    return [
        finding_of(
            number,
            max(0.1, 30 / (number + 1) - 1),
            f"G{number % 5}",
            f"layer {number}",
            [[f"/b{number}/Reshape", f"/b{number}/Transpose"]],
        )
        for number in range(count)
    ]


def lines_on(judged, width=80, height=24, everything=False):
    out = io.StringIO()
    console = Console(file=out, width=width, height=height, force_terminal=True, color_system=None)
    print_advice(judged, everything, console)
    return out.getvalue().splitlines()


def text_on(*arguments, **options):
    return " ".join(" ".join(lines_on(*arguments, **options)).split())


def shown(document, width=200):
    out = io.StringIO()
    show(document, Console(file=out, width=width))
    return out.getvalue()


def unescaped(page):
    return html_text.unescape(page).replace("\xa0", " ")
