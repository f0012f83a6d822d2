"""Table 5: the architecture of ShuffleNet v2 as counted, beside what the paper prints of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from guideline_benchmarks.reports.document import Heading, Said, Section, Table
from guideline_benchmarks.reports.layout import millions

LAYER = "layer"
_TITLES = {
    LAYER: "layer",
    "output_size": "output size",
    "kernel": "kernel",
    "stride": "stride",
    "repeat": "repeat",
}
Published = Sequence[Mapping[str, str]]


@dataclass(frozen=True)
class CountedRow:
    """A line of Table 5 as counted: its entries as text, by the columns of the published table.

    `multiply_adds` are those of one image by the columns of networks, and none of weights.
    """

    entries: Mapping[str, str]
    multiply_adds: Mapping[str, int]


def architecture_section(counted: Sequence[CountedRow], published: Published) -> Section:
    """Return the counted table, with what the paper prints wherever it differs.

    `published` are the rows of results/paper/table5_shufflenet_v2.csv. Raises ValueError where it
    has other layers.
    """
    pairs = list(zip(counted, published, strict=True))
    for row, printed in pairs:
        if row.entries[LAYER] != printed[LAYER]:
            raise ValueError(f"{printed[LAYER]} was to be counted, not {row.entries[LAYER]}")
    return Section(
        "Table 5: architecture of ShuffleNet v2",
        ["Every stage was counted while the built network ran on an image of 224×224."],
        tables=[_table(pairs)],
        verdicts=[_verdict(pairs)],
        anchor="table-5",
    )


_Pairs = Sequence[tuple[CountedRow, Mapping[str, str]]]


def _table(pairs: _Pairs) -> Table:
    networks = [column for column in pairs[0][1] if column not in _TITLES]
    rows = [
        [
            *(_entry(row.entries[column], printed[column]) for column in printed),
            *(_amount(row.multiply_adds, network) for network in networks),
        ]
        for row, printed in pairs
    ]
    headings = [Heading(title, numeric=column != LAYER) for column, title in _TITLES.items()]
    for group in ("output channels", "multiply-adds, M"):
        headings += [Heading(_width(network), group=group) for network in networks]
    return Table(
        "ShuffleNet v2 in four widths",
        headings,
        rows,
        note="Counted; the paper's entry stands in brackets where it differs, and where it has "
        "none there is none here. It prints no multiply-adds of single stages. Weights include "
        "those of batch norms.",
    )


def _width(column: str) -> str:
    """Return the heading of a published column: "0.5x" of "x0_5"."""
    return column.removeprefix("x").replace("_", ".") + "x"


def _entry(counted: str, printed: str) -> str:
    if not printed or counted == printed:
        return printed
    return f"{counted} ({printed})"


def _amount(multiply_adds: Mapping[str, int], network: str) -> str:
    return millions(multiply_adds[network]) if network in multiply_adds else ""


def _verdict(pairs: _Pairs) -> Said:
    """Say how many of the published figures were counted as well, and which were not."""
    printed = sum(bool(text) for _, row in pairs for column, text in row.items() if column != LAYER)
    differing = list(_differences(pairs))
    if not differing:
        return Said(f"All {printed} figures of Table 5 are those of the built networks.", "good")
    return Said(
        f"{printed - len(differing)} of the {printed} figures of Table 5 are those of the built "
        f"networks, but not {'; '.join(differing)} (see docs/networks.md).",
        "open",
    )


def _differences(pairs: _Pairs) -> Iterator[str]:
    for row, printed in pairs:
        for column, text in printed.items():
            counted = row.entries[column]
            if text and counted != text:
                named = _TITLES.get(column) or _width(column)
                yield f"{printed[LAYER]} of {named}: {counted}, and the paper prints {text}"
