"""A gate's findings as workflow commands of GitHub Actions, which show them beside the code."""

from __future__ import annotations

from guideline_benchmarks.reports.gate.sentences import (
    cannot_tell,
    finding_line,
    opening,
    remarks,
    summary_line,
)
from guideline_benchmarks.results.gate.finding import Change, Judgement


def workflow_commands(judgement: Judgement) -> str:
    """Return workflow commands of GitHub Actions, one a line: errors, then notices.

    Where the gate cannot tell, a warning of it comes first of all.
    """
    below = [f"{label}: {text}" for label, text in opening(judgement)]
    unsure, lines = cannot_tell(judgement), []
    if unsure:
        lines.append(_command("warning", judgement.title, "\n".join([unsure, *below])))
        below = []
    for finding in judgement.findings:
        if finding.failure is not None:
            lines.append(_command("error", f"{finding.row.name} has no figures", finding.failure))
        elif finding.verdict == Change.SLOWER:
            title = f"{finding.row.name} is slower"
            lines.append(_command("error", title, finding_line(judgement, finding)))
    if not judgement.measured:
        lines.append(_command("error", judgement.title, "nothing was measured"))
    lines += [
        _command("notice", judgement.title, remark) for remark in [*below, *remarks(judgement)]
    ]
    lines.append(_command("notice", judgement.title, summary_line(judgement)))
    return "\n".join(lines) + "\n"


def _command(kind: str, title: str, message: str) -> str:
    """Return one workflow command, escaped as GitHub's own toolkit does."""
    text = message.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    heading = title.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    heading = heading.replace(":", "%3A").replace(",", "%2C")
    return f"::{kind} title={heading}::{text}"
