"""What continuous integration reads: JUnit, annotations, and the formats of two trackers."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree

from reports.gate.gate import remarks, summary_line
from results.gate.finding import Change, Finding, Judgement

SUITE = "guidelines"
# What XML 1.0 has no way to write, not even escaped.
_NOT_IN_XML = dict.fromkeys([*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF], "\ufffd")


def junit(judgement: Judgement, strict: bool = False) -> str:
    """Return JUnit XML: a test case for each row, grouped by experiment.

    SLOWER is a failure, a row without figures an error, INCONCLUSIVE is skipped (with `strict`, a
    failure); FASTER and SAME pass. That nothing was measured is an error, too.
    """
    suite = ElementTree.Element("testsuite", name=judgement.title.translate(_NOT_IN_XML))
    for finding in judgement.findings:
        case = _case(suite, finding.row.name)
        if finding.failure is not None:
            _told(case, "error", finding.failure)
        elif finding.verdict == Change.SLOWER:
            _told(case, "failure", _sentence(judgement, finding))
        elif finding.verdict == Change.INCONCLUSIVE:
            _told(case, "failure" if strict else "skipped", _sentence(judgement, finding))
        else:
            ElementTree.SubElement(case, "system-out").text = _sentence(judgement, finding)
    if not judgement.measured:
        _told(_case(suite, "measured"), "error", "nothing was measured")
    if remarks(judgement):
        told = "\n".join(remarks(judgement)).translate(_NOT_IN_XML)
        ElementTree.SubElement(suite, "system-out").text = told
    cases = suite.findall("testcase")
    suite.set("tests", str(len(cases)))
    for name in ("failure", "error", "skipped"):
        plural = name if name == "skipped" else f"{name}s"
        suite.set(plural, str(sum(case.find(name) is not None for case in cases)))
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _case(suite: ElementTree.Element, name: str) -> ElementTree.Element:
    """Add a test case, whose class is the experiment."""
    experiment, _, row = name.partition("/")
    attributes = {"classname": f"{SUITE}.{experiment}", "name": row or experiment}
    return ElementTree.SubElement(suite, "testcase", attributes, time="0")


def _told(case: ElementTree.Element, kind: str, message: str) -> None:
    ElementTree.SubElement(case, kind, message=message.translate(_NOT_IN_XML))


def _sentence(judgement: Judgement, finding: Finding) -> str:
    """Say what was found of a row, in one clause."""
    said = f"{finding.verdict}: {judgement.metric} × {finding.text}"
    if finding.verdict == Change.INCONCLUSIVE and finding.smallest_detectable is not None:
        said += f"; nothing below {finding.smallest_detectable:.3f} could have been seen"
    return said


def workflow_commands(judgement: Judgement) -> str:
    """Return workflow commands of GitHub Actions, one a line: errors, then notices."""
    lines = []
    for finding in judgement.findings:
        if finding.failure is not None:
            lines.append(_command("error", f"{finding.row.name} has no figures", finding.failure))
        elif finding.verdict == Change.SLOWER:
            title = f"{finding.row.name} is slower"
            lines.append(_command("error", title, _sentence(judgement, finding)))
    if not judgement.measured:
        lines.append(_command("error", judgement.title, "nothing was measured"))
    lines += [_command("notice", judgement.title, remark) for remark in remarks(judgement)]
    lines.append(_command("notice", judgement.title, summary_line(judgement)))
    return "\n".join(lines) + "\n"


def _command(kind: str, title: str, message: str) -> str:
    """Return one workflow command, escaped as GitHub's own toolkit does."""
    text = message.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    heading = title.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    heading = heading.replace(":", "%3A").replace(",", "%2C")
    return f"::{kind} title={heading}::{text}"


def bencher(judgement: Judgement) -> str:
    """Return Bencher Metric Format: latency in ns, or instructions, with their intervals."""
    metrics: dict[str, Any] = {}
    for cell, figure in judgement.figures.items():
        factor = 1e6 if figure.unit == "ms" else 1.0
        metric = {"value": factor * figure.value}
        if figure.interval:
            metric["lower_value"] = factor * figure.interval[0]
            metric["upper_value"] = factor * figure.interval[1]
        metrics[cell] = {"latency" if figure.unit == "ms" else "instructions": metric}
    return json.dumps(metrics, indent=2) + "\n"


def action_benchmark(judgement: Judgement) -> str:
    """Return the list that github-action-benchmark reads as tool "customSmallerIsBetter"."""
    entries = []
    for cell, figure in judgement.figures.items():
        entry: dict[str, Any] = {"name": cell, "unit": figure.unit, "value": figure.value}
        if figure.interval:
            entry["range"] = f"{figure.interval[0]:.4g} to {figure.interval[1]:.4g}"
        entries.append(entry)
    return json.dumps(entries, indent=2) + "\n"
