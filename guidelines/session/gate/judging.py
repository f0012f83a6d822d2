"""What `guidelines ab` and `guidelines check` do: judge, print, write for CI, and pass or not."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import typer

from guideline_benchmarks.guidelines.session import runs
from guideline_benchmarks.guidelines.session.gate.sides import Question
from guideline_benchmarks.guidelines.session.gate.trial_judgement import judgement_of
from guideline_benchmarks.guidelines.session.gate.trial_progress import TrialDisplay
from guideline_benchmarks.guidelines.session.gate.trials import measure_trial
from guideline_benchmarks.guidelines.session.measuring import INTERRUPTED
from guideline_benchmarks.guidelines.session.printing import print_json
from guideline_benchmarks.results.errors import BadInputError, CheckFailedError, PlatformError
from guideline_benchmarks.results.gate import trial_store
from guideline_benchmarks.results.gate.finding import Judgement
from guideline_benchmarks.results.store.files import results_folder, write_file


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
    trial, replicates = trial_store.read_trial(folder)
    part = trial_store.read_part(folder, trial, len(replicates))
    begun = f", and {len(part.processes)} of the next one's four processes" if part else ""
    return (
        f"{trial.design.capitalize()} kept in {folder}: {len(replicates)}{begun}; continue with: "
        f"{runs.resume_command(folder)}"
    )


def publish(judgement: Judgement, output: Output) -> None:
    """Print a judgement, write what CI reads, and raise CheckFailedError unless the gate opens.

    On GitHub Actions the job summary and the annotations are written without being asked for.
    """
    from guideline_benchmarks.reports.formats.markdown import markdown
    from guideline_benchmarks.reports.gate.annotations import workflow_commands
    from guideline_benchmarks.reports.gate.gate import document, print_judgement
    from guideline_benchmarks.reports.gate.registry import FORMATS
    from guideline_benchmarks.reports.gate.sentences import cannot_tell

    if output.json:
        print_json(judgement.json_objects())
        if judgement.cannot_tell:
            typer.echo(f"guidelines: {cannot_tell(judgement)}", err=True)
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
