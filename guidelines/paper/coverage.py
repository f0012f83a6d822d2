"""Every table and figure of the paper: what of it is measured, counted or only quoted, and why."""

from __future__ import annotations

from dataclasses import dataclass

from guideline_benchmarks.reports.document import MISSING, Heading, Section, Table

ERROR = "top-1 error"
UNTRAINED = "no network is trained here"
UNTOLD_BATCH = "batch 1, which alone fits the published speeds (docs/protocol.md)"


@dataclass(frozen=True)
class Covered:
    """A table or figure of the paper, and its parts by how they come about here.

    `measured` on the platform at hand by the experiments `names`; `counted` or derived from the
    modules themselves; `quoted` from the paper. `why` is the reason for what is not measured, or
    for how it is read.
    """

    item: str
    subject: str
    names: tuple[str, ...] = ()
    measured: str = ""
    counted: str = ""
    quoted: str = ""
    why: str = ""


COVERAGE = (
    Covered(
        "Equations (1), (2)",
        "memory access cost",
        counted="of every cell, with its bound",
        why="the operators of a graph tell it",
    ),
    Covered(
        "Table 1",
        "G1: channel ratio",
        ("g1",),
        measured="speed",
        counted="multiply-adds, memory access cost",
        why=UNTOLD_BATCH,
    ),
    Covered(
        "Table 2",
        "G2: group count",
        ("g2",),
        measured="speed",
        counted="multiply-adds, memory access cost",
        why="180 channels are no 8 groups: 184 stand for them",
    ),
    Covered(
        "Table 3",
        "G3: fragmentation",
        ("g3",),
        measured="speed",
        counted="multiply-adds, memory access cost",
        why=UNTOLD_BATCH,
    ),
    Covered(
        "Table 4",
        "G4: element-wise operators",
        ("g4",),
        measured="speed",
        counted="multiply-adds, memory access cost",
        why="the unit can be read in two ways; both are there (--g4-unit)",
    ),
    Covered(
        "Table 5",
        "architecture of ShuffleNet v2",
        counted="sizes, strides, repeats, channels, multiply-adds, weights",
        why="it holds no time",
    ),
    Covered(
        "Table 6",
        "large networks",
        ("table6",),
        measured="speed, which the paper does not print",
        counted="multiply-adds",
        quoted=ERROR,
        why=UNTRAINED,
    ),
    Covered(
        "Table 7",
        "backbones for detection at 800×1200",
        ("table7",),
        measured="speed of the backbone",
        counted="multiply-adds",
        quoted="mmAP; the whole detector's speed on the GPU",
        why=f"{UNTRAINED}, and the detector's head is none of its backbone's",
    ),
    Covered(
        "Table 8",
        "39 whole networks",
        ("table8",),
        measured="speed",
        counted="multiply-adds",
        quoted=ERROR,
        why=UNTRAINED,
    ),
    Covered(
        "Fig. 1",
        "accuracy, speed and multiply-adds",
        ("table8",),
        measured="speed",
        counted="multiply-adds",
        quoted="accuracy; the paper's own points",
        why=UNTRAINED,
    ),
    Covered(
        "Fig. 2",
        "where the time of two networks goes",
        ("fig2",),
        measured="share of each operator's time",
        why="emulated cores tell no times of operators, so it is left out there",
    ),
    Covered(
        "Fig. 3",
        "units of ShuffleNet v1 and v2",
        counted="drawn from the modules",
        why="it holds no figure",
    ),
    Covered(
        "Fig. 4 (a)",
        "feature reuse in DenseNet",
        why="it shows trained weights, and no network is trained here: not reproduced",
    ),
    Covered(
        "Fig. 4 (b)",
        "feature reuse in ShuffleNet v2",
        counted="by following channels through the module",
        why="it holds no time",
    ),
    Covered(
        "Appendix Table 1a",
        "whole networks at larger inputs",
        ("inputs-320", "inputs-640", "inputs-1080"),
        measured="speed",
        counted="multiply-adds",
        why="batch as each row says it",
    ),
    Covered(
        "Appendix Table 1b",
        "ten stacked units of each network",
        ("units-56", "units-28"),
        measured="speed",
        counted="multiply-adds",
        why="widths of the other networks' units are those of nearly equal multiply-adds",
    ),
    Covered(
        "Appendix Table 2",
        "architecture of the large networks",
        counted="multiply-adds, weights (`guidelines networks`)",
        why="it holds no time",
    ),
    Covered(
        "Appendix Fig. 1",
        "blocks of Table 3",
        counted="drawn from the modules",
        why="it holds no figure",
    ),
    Covered(
        "Appendix Fig. 2",
        "units of ShuffleNet v2 with SE and residual",
        counted="drawn from the modules",
        why="it holds no figure",
    ),
)


def coverage_section() -> Section:
    """Return the section that says of every table and figure how it comes about here."""
    titles = ("in the paper", "of", "measured", "counted or drawn", "quoted", "because")
    rows = [
        [
            covered.item,
            covered.subject,
            _measured(covered),
            covered.counted or MISSING,
            covered.quoted or MISSING,
            covered.why,
        ]
        for covered in COVERAGE
    ]
    table = Table(
        "What of the paper is here, and how it comes about",
        [Heading(title, numeric=False) for title in titles],
        rows,
    )
    return Section("Coverage", tables=[table], anchor="coverage")


def _measured(covered: Covered) -> str:
    if not covered.measured:
        return MISSING
    return f"{covered.measured} (run {' '.join(covered.names)})"
