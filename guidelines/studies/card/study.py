"""Verify the suite on this machine's NVIDIA GPU, step by step, and keep all that it finds.

`python -m guideline_benchmarks.guidelines.studies.card.study FOLDER [STEP…] [--seconds N]` takes
about an hour, or as long as it may. FOLDER/card.md says how each step ended, FOLDER/logs holds what
it printed, FOLDER/runs the records. Called again, it does the steps that it has not come to, and
goes on with those that were cut off; with steps, it does these.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from guideline_benchmarks.guidelines import (
    g4_elementwise,
    runtime_decomposition,
    whole_networks,
)
from guideline_benchmarks.guidelines.doctor.gpu import lines
from guideline_benchmarks.guidelines.doctor.gpu_conditions import observe
from guideline_benchmarks.guidelines.studies.card.attempts import (
    PAGE,
    STOPPING_SECONDS,
    Step,
    attempt,
    kept,
    log_of,
    publish,
)
from guideline_benchmarks.guidelines.studies.card.program import ended_in_a_sentence
from guideline_benchmarks.results.errors import BadInputError, PlatformError, suggestion

SUITE = ("-m", "guideline_benchmarks.guidelines")
CARD = "guideline_benchmarks.guidelines.studies.card"
ELEMENTWISE = g4_elementwise.EXPERIMENT.name
DECOMPOSED, NETWORKS = runtime_decomposition.FIG2.name, whole_networks.EXPERIMENT.name
# Where a process takes long to begin: cuDNN and the compiler try algorithms in each.
FEW, FEWEST = ("--runs", "20", "--processes", "2"), ("--runs", "10", "--processes", "1")
# No step is begun with less time left.
LEAST_SECONDS = 45.0
TESTS = Path(__file__).resolve().parents[3] / "tests" / "test_cuda.py"
# Keeps the card busy, or its memory full, until it is ended.
BUSY = """
import torch
a = torch.randn(4096, 4096, device="cuda")
print("busy", flush=True)
while True:
    for _ in range(100):
        a @ a
    torch.cuda.synchronize()
"""
CROWDED = """
import time, torch
free, _ = torch.cuda.mem_get_info()
held = torch.empty(free - 2**30, dtype=torch.int8, device="cuda")
print("crowded", flush=True)
time.sleep(1e6)
"""


def steps(folder: Path) -> list[Step]:
    """Return all steps: what the others rest on, what the paper shows, faults, what takes long."""

    def run(name: str, seconds: float, *words: str, beside: str = "") -> Step:
        out = ("--out", str(folder / "runs" / name), "--resume")
        program = ("-c", beside) if beside else ()
        return Step(name, (*SUITE, "run", *words, *out), seconds, program)

    def tests(name: str, which: str, seconds: float) -> Step:
        words = ("-m", "pytest", "-n", "0", "-vv", "--tb=short", "-k", which, str(TESTS))
        return Step(name, words, seconds, telling=True)

    def few(name: str, platform: str, *words: str, beside: str = "") -> Step:
        return run(name, 150, ELEMENTWISE, "--platform", platform, *words, *FEW, beside=beside)

    measured = [str(folder / "runs" / name) for name in ("cuda", "cuda-eager")]
    compared = ("--out", str(folder / "compare"))
    return [
        Step("doctor", (*SUITE, "doctor"), 60, telling=True),
        Step("checks", ("-m", f"{CARD}.checks"), 180, telling=True),
        Step("nvbench", ("-m", f"{CARD}.nvbench"), 240, telling=True),
        tests("tests", "not compile", 400),
        run("cuda", 500, "all", "--platform", "cuda"),
        run("cuda-eager", 400, "all", "--platform", "cuda-eager"),
        run("decomposed", 200, DECOMPOSED, "--platform", "cuda", *FEW),
        run("decomposed-eager", 200, DECOMPOSED, "--platform", "cuda-eager", *FEW),
        few("tf32", "cuda", "--precision", "tf32"),
        few("fp16", "cuda", "--precision", "fp16"),
        few("bf16", "cuda", "--precision", "bf16"),
        few("int8", "cuda", "--precision", "int8"),
        Step("busy-doctor", (*SUITE, "doctor"), 60, ("-c", BUSY), telling=True),
        few("busy", "cuda", beside=BUSY),
        few("crowded", "cuda", "--batch", "64", beside=CROWDED),
        few("onnxruntime", "cuda-onnxruntime"),
        few("tensorrt", "cuda-tensorrt"),
        run("cuda-compile", 550, ELEMENTWISE, "--platform", "cuda-compile", *FEWEST),
        tests("tests-compile", "compile", 400),
        run("networks", 550, NETWORKS, "--platform", "cuda", *FEWEST),
        Step("compare", (*SUITE, "compare", *measured, "paper:gpu", *compared), 60),
    ]


def asked_for(names: Sequence[str], known: Mapping[str, Step]) -> list[str]:
    """Return the names if all are of steps; raises BadInputError."""
    for name in names:
        if name not in known:
            raise BadInputError(f'There is no step "{name}". {suggestion(name, known)}')
    return list(names)


def main(folder: Path, asked: Sequence[str], seconds: float = float("inf")) -> None:
    """Do the steps that are asked for, or all that have not come to an end, in so many seconds.

    Raises BadInputError for a step that does not exist, PlatformError where there is no card.
    """
    until = time.monotonic() + seconds
    known = {step.name: step for step in steps(folder)}
    attempts = kept(folder)
    unfinished = [name for name in known if name not in attempts or attempts[name].code is None]
    names = asked_for(asked, known) or unfinished
    seen = observe()
    if not seen.cards:
        raise PlatformError(seen.absent)
    for number, name in enumerate(names):
        left = until - time.monotonic() - STOPPING_SECONDS
        if left < LEAST_SECONDS:
            typer.echo(f"No time is left for {', '.join(names[number:])}: call it again.")
            break
        step = known[name]
        typer.echo(f"{name} (at most {min(step.seconds, left):.0f} s): ", nl=False)
        attempts[name] = found = attempt(step, folder, left)
        typer.echo(f"{found.ended()}, {found.seconds:.0f} s. {found.said}")
        if step.telling:
            typer.echo(log_of(step, folder).read_text(errors="replace"))
        publish(folder, attempts, lines(seen))
    typer.echo(str(folder / PAGE))


def command(
    folder: Annotated[Path, typer.Argument(help="Where all that is found is kept.")],
    asked: Annotated[
        list[str] | None, typer.Argument(metavar="STEP", help="Do these alone.")
    ] = None,
    seconds: Annotated[float, typer.Option(help="Begin nothing that would end later.")] = 86_400,
) -> None:
    """Verify the suite on this machine's NVIDIA GPU, step by step."""
    # Ended by `kill`, it must end what it began.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with ended_in_a_sentence():
        main(folder, asked or [], seconds)


if __name__ == "__main__":
    typer.run(command)
