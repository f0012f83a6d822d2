"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]
Details = Annotated[bool, typer.Option("--details", help="Print costs, times and ceilings, too.")]
PlatformName = Annotated[
    str,
    typer.Option(
        help="A platform's name, the path of a platform file (.toml), or ssh:user@host for a board."
    ),
]
Runs = Annotated[
    int | None,
    typer.Option(
        min=1, help="Samples of each network.  [default: 100; 5 where instructions are counted]"
    ),
]
Processes = Annotated[
    int | None, typer.Option(min=1, help="Fresh processes to spread them over.  [default: 5]")
]
Core = Annotated[
    str | None,
    typer.Option(
        help="Cores to keep workers on: a number, several (4-7), or a cluster by the name of its "
        "cores, say cortex-a57.  [default: the fastest]"
    ),
]
Threads = Annotated[
    str | None,
    typer.Option(
        metavar="N|all",
        help="Threads that share a network's work, on a core each: so many, or one for each core "
        "of the fastest kind.  [default: the platform's, which is 1]",
    ),
]
MachineName = Annotated[
    str | None,
    typer.Option(
        "--machine",
        help="What to call the machine, to know it again whatever its host is called.  "
        "[default: $GUIDELINES_MACHINE; the platform file's]",
    ),
]
Channels = Annotated[
    Literal["gpu", "arm", "exact"] | None,
    typer.Option(
        help="Widths of the networks: the paper's on its GPU or its ARM core, or exact ones, all "
        "multiples of 8 with equal multiply-adds (g1 to g3).  [default: the platform's]"
    ),
]
G4Unit = Annotated[
    Literal["bottleneck", "equal-width"],
    typer.Option(help="How Table 4's unit is read (docs/protocol.md, decision 4)."),
]
Batch = Annotated[
    int | None,
    typer.Option(
        min=1, help="Images in one batch.  [default: the paper's: 1, and 1 to 8 on a GPU]"
    ),
]
PrecisionName = Annotated[
    Literal["fp32", "tf32", "fp16", "bf16", "int8"],
    typer.Option(
        "--precision",
        help="What the runtime computes in: fp32 never uses TF32 or bfloat16, and networks are "
        "quantised for int8.",
    ),
]
UntilError = Annotated[
    float | None,
    typer.Option(
        help="Go on with further processes until the relative standard error of every cell's "
        "process medians is at most so many percent."
    ),
]
MaxSeconds = Annotated[
    float | None,
    typer.Option(help="With --until-error, the most seconds to measure, loading included."),
]
Seed = Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Seed of weights, input and order.")]
Out = Annotated[
    Path | None,
    typer.Option(help="The run's own folder.  [default: results/runs/<platform>-<time>]"),
]
Resume = Annotated[bool, typer.Option("--resume", help="Continue an interrupted run of the same.")]
Quiet = Annotated[
    bool, typer.Option("--quiet", help="No progress and no tables: only where the run is.")
]
DepthwiseAs = Annotated[
    Literal["conv", "elemwise"],
    typer.Option(help="What depthwise convolutions count as in a decomposition of run time."),
]
Strict = Annotated[bool, typer.Option("--strict", help="Let nothing INCONCLUSIVE pass, either.")]
Ci = Annotated[
    Path | None,
    typer.Option(
        help="A folder for what CI reads: junit.xml, summary.md, annotations.txt, bencher.json, "
        "github-action-benchmark.json."
    ),
]
