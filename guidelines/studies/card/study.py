"""Verify the suite on this machine's NVIDIA GPU, step by step, and keep all that it finds.

`python -m guideline_benchmarks.guidelines.studies.card.study FOLDER [STEP…]` takes about half an
hour. FOLDER/card.md says how each step ended, FOLDER/logs holds what it printed, FOLDER/runs the
records. Called again, it goes on with the steps that are not done; with steps, it does these.
"""

from __future__ import annotations

import sys
from pathlib import Path

import typer

from guideline_benchmarks.guidelines import (
    g3_fragmentation,
    g4_elementwise,
    runtime_decomposition,
    whole_networks,
)
from guideline_benchmarks.guidelines.doctor.gpu import lines
from guideline_benchmarks.guidelines.doctor.gpu_conditions import observe
from guideline_benchmarks.guidelines.studies.card.attempts import PAGE, Step, attempt, kept, publish
from guideline_benchmarks.results.errors import (
    BadInputError,
    PlatformError,
    SuiteError,
    suggestion,
)

SUITE = ("-m", "guideline_benchmarks.guidelines")
CARD = "guideline_benchmarks.guidelines.studies.card"
FRAGMENTS, ELEMENTWISE = g3_fragmentation.EXPERIMENT.name, g4_elementwise.EXPERIMENT.name
DECOMPOSED, NETWORKS = runtime_decomposition.FIG2.name, whole_networks.EXPERIMENT.name
FEW = ("--runs", "20", "--processes", "2")
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
    """Return all steps in their order: what others depend on first, the longest last."""

    def run(name: str, seconds: float, *words: str, beside: str = "") -> Step:
        out = ("--out", str(folder / "runs" / name), "--resume")
        program = ("-c", beside) if beside else ()
        return Step(name, (*SUITE, "run", *words, *out), seconds, program)

    measured = [str(folder / "runs" / name) for name in ("cuda", "cuda-eager")]
    compared = ("--out", str(folder / "compare"))
    return [
        Step("doctor", (*SUITE, "doctor"), 60),
        Step("checks", ("-m", f"{CARD}.checks"), 180),
        Step("nvbench", ("-m", f"{CARD}.nvbench"), 240),
        run("cuda", 500, "all", "--platform", "cuda"),
        run("cuda-eager", 300, "all", "--platform", "cuda-eager"),
        run("decomposed", 200, DECOMPOSED, "--platform", "cuda"),
        run("decomposed-eager", 200, DECOMPOSED, "--platform", "cuda-eager"),
        run("networks", 300, NETWORKS, "--platform", "cuda"),
        run("tf32", 150, "all", "--platform", "cuda", "--precision", "tf32", *FEW),
        run("fp16", 150, "all", "--platform", "cuda", "--precision", "fp16", *FEW),
        run("bf16", 150, "all", "--platform", "cuda", "--precision", "bf16", *FEW),
        run("int8", 30, ELEMENTWISE, "--platform", "cuda", "--precision", "int8", *FEW),
        Step("busy-doctor", (*SUITE, "doctor"), 60, ("-c", BUSY)),
        run("busy", 100, ELEMENTWISE, "--platform", "cuda", *FEW, beside=BUSY),
        run(
            "crowded", 100, ELEMENTWISE, "--platform", "cuda", "--batch", "64", *FEW, beside=CROWDED
        ),
        run("onnxruntime", 200, ELEMENTWISE, "--platform", "cuda-onnxruntime", *FEW),
        run("tensorrt", 300, ELEMENTWISE, "--platform", "cuda-tensorrt", *FEW),
        Step("tests", ("-m", "pytest", "-n", "1", str(TESTS)), 500),
        run("cuda-compile", 500, FRAGMENTS, ELEMENTWISE, "--platform", "cuda-compile", *FEW),
        Step("compare", (*SUITE, "compare", *measured, "paper:gpu", *compared), 60),
    ]


def main(folder: Path, asked: list[str]) -> None:
    """Do the steps that are asked for, or all that are not done.

    Raises BadInputError for a step that does not exist, PlatformError where there is no card.
    """
    known = {step.name: step for step in steps(folder)}
    for name in asked:
        if name not in known:
            raise BadInputError(f'There is no step "{name}". {suggestion(name, known)}')
    attempts = kept(folder)
    done = {name for name, found in attempts.items() if found.code == 0 and not asked}
    seen = observe()
    if not seen.cards:
        raise PlatformError(seen.absent)
    for name in asked or known:
        if name in done:
            continue
        typer.echo(f"{name} (at most {known[name].seconds:.0f} s): ", nl=False)
        attempts[name] = found = attempt(known[name], folder)
        typer.echo(f"{found.ended()}, {found.seconds:.0f} s. {found.said}")
        publish(folder, attempts, lines(seen))
    typer.echo(str(folder / PAGE))


if __name__ == "__main__":
    try:
        if not sys.argv[1:]:
            raise BadInputError("Name a folder to keep in what is found.")
        main(Path(sys.argv[1]), sys.argv[2:])
    except SuiteError as error:
        typer.echo(f"guidelines: {error}", err=True)
        sys.exit(error.exit_code)
