"""What `guidelines ab` and `guidelines check` do: judge, print, write for CI, and pass or not."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import typer

from guideline_benchmarks.guidelines.session import runs
from guideline_benchmarks.guidelines.session.measuring import INTERRUPTED
from guideline_benchmarks.guidelines.session.printing import print_json
from guideline_benchmarks.guidelines.session.sides import Question
from guideline_benchmarks.guidelines.session.trial_progress import TrialDisplay
from guideline_benchmarks.guidelines.session.trials import Outcome, measure_trial
from guideline_benchmarks.results.errors import BadInputError, CheckFailedError, PlatformError
from guideline_benchmarks.results.gate import sequential, trial_store
from guideline_benchmarks.results.gate.finding import Figure, Judgement
from guideline_benchmarks.results.gate.trial import Side, Trial
from guideline_benchmarks.results.statistics.disturbed import busy
from guideline_benchmarks.results.store.files import readable, results_folder, write_file


@dataclass(frozen=True)
class Output:
    """How a gate answers: JSON in place of tables, strictly or not, and files for CI."""

    json: bool
    quiet: bool
    strict: bool
    ci: Path | None


def judge_trial(question: Question, out: Path | None, resume: bool, output: Output) -> None:
    """Measure a trial, print what it found, and raise CheckFailedError where the gate stays shut.

    Says where to continue when it ends early.
    """
    if resume and out is None:
        raise BadInputError("--resume continues the trial in a folder: name it with --out.")
    display = TrialDisplay(question.protocol.max_seconds, output.quiet or output.json)
    with results_folder(out, _name(question)) as folder:
        try:
            with display:
                outcome = measure_trial(question, folder, resume, display)
        except KeyboardInterrupt:
            typer.echo(f"guidelines: Interrupted. {_kept(folder)}", err=True)
            raise typer.Exit(INTERRUPTED) from None
        except PlatformError as error:
            raise PlatformError(f"{error} {_kept(folder)}") from None
    if output.quiet and not output.json:
        typer.echo(folder)
    publish(judgement_of(outcome, folder), output)


def _name(question: Question) -> str:
    """Return what the folder of a trial is called: ab-<a>-<b>."""
    return "-".join(["ab", *(Path(side.platform).stem for side in (question.a, question.b))])


def _kept(folder: Path) -> str:
    if not trial_store.has_trial(folder):
        return "Nothing was stored yet."
    trial, quartets = trial_store.read_trial(folder)
    part = trial_store.read_part(folder, trial, len(quartets))
    begun = f", and {len(part.processes)} of the next one's four processes" if part else ""
    return (
        f"Quartets kept in {folder}: {len(quartets)}{begun}; continue with: "
        f"{runs.resume_command(folder)}"
    )


def judgement_of(outcome: Outcome, folder: Path) -> Judgement:
    """Return what a trial in a folder says, with the session's own false alarms as a remark."""
    trial = outcome.trial
    return Judgement(
        title="A/B trial: B against A",
        metric="time",
        margin=trial.protocol.margin,
        facts=[
            ("A", side_text(trial.a)),
            ("B", side_text(trial.b)),
            *_measured(outcome),
            ("Record", readable(folder)),
        ],
        findings=outcome.findings,
        remarks=[*_busy(outcome), *_like_with_like(outcome)],
        figures=_figures(outcome),
    )


def _busy(outcome: Outcome) -> list[str]:
    """Say that a trial was measured on a busy machine; nothing where it was not."""
    loads = [process.load for quartet in outcome.quartets for process in quartet.processes]
    return list(filter(None, [busy(loads, outcome.trial.a.fingerprint.cores)]))


def _like_with_like(outcome: Outcome) -> list[str]:
    """Say what a session invents by itself; nothing where too little was measured to compare."""
    null = sequential.like_with_like(outcome.ledger)
    if not null.rows:
        return []
    alarms = ", ".join(null.false_alarms) or "none"
    return [
        "Like against like (A's processes among themselves, and B's): one test of all "
        f"{null.rows} rows calls {len(null.false_alarms)} SLOWER ({alarms}); "
        f"{100 * null.beyond:.0f} % of the 95 % intervals exclude no change, where 5 % should."
    ]


def side_text(side: Side) -> str:
    """Return a side's platform, its Python if one was asked for, and its runtimes."""
    python = f", {side.python}" if side.python else ""
    return f"{side.platform.name}{python} ({side.fingerprint.software})"


def _measured(outcome: Outcome) -> list[tuple[str, str]]:
    trial: Trial = outcome.trial
    stages = [quartet.stage for quartet in outcome.quartets]
    screening = stages.count("screening")
    return [
        ("Machine", f"{trial.a.fingerprint.called}, {trial.a.fingerprint.cpu_model}"),
        (
            "Quartets",
            f"{len(stages)} of four fresh processes, A B B A: {screening} of screening, "
            f"{len(stages) - screening} of confirmation, in {outcome.seconds:.0f} s",
        ),
        (
            "Decided",
            f"against a margin of {100 * trial.protocol.margin:g} %; at most "
            f"{100 * trial.protocol.alpha:g} % of sessions call anything SLOWER that lies within",
        ),
    ]


def _figures(outcome: Outcome) -> Mapping[str, Figure]:
    """Return the median time of each cell in side B, in ms."""
    times: dict[str, list[int]] = {}
    for quartet in outcome.quartets:
        for process in quartet.processes:
            if process.side == "b":
                for name, ns in process.ns.items():
                    times.setdefault(name, []).extend(ns)
    cells = [cell.name for cell in outcome.trial.b.cells if cell.name in times]
    return {name: Figure(float(np.median(times[name])) / 1e6, None, "ms") for name in cells}


def publish(judgement: Judgement, output: Output) -> None:
    """Print a judgement, write what CI reads, and raise CheckFailedError unless the gate opens.

    On GitHub Actions the job summary and the annotations are written without being asked for.
    """
    from guideline_benchmarks.reports.formats.markdown import markdown
    from guideline_benchmarks.reports.gate.annotations import workflow_commands
    from guideline_benchmarks.reports.gate.gate import document, print_judgement
    from guideline_benchmarks.reports.gate.registry import FORMATS

    if output.json:
        print_json(judgement.json_objects())
    elif not output.quiet:
        print_judgement(judgement)
    if output.ci is not None:
        for name, text in FORMATS.items():
            write_file(output.ci / name, text(judgement, output.strict), chosen_by="--ci")
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary:
        # The runner collects what steps append.
        with Path(summary).open("a", encoding="utf-8") as file:
            file.write(markdown(document(judgement), level=2))
    if os.environ.get("GITHUB_ACTIONS") == "true":
        typer.echo(workflow_commands(judgement), err=True, nl=False)
    objections = judgement.objections(output.strict)
    if objections:
        shown = "; ".join(objections[:3])
        more = f"; and {len(objections) - 3} more" if len(objections) > 3 else ""
        raise CheckFailedError(f"The gate stays shut: {shown}{more}.")
