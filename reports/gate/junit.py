"""A gate's findings as JUnit XML, which every CI shows."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree

from guideline_benchmarks.reports.gate.sentences import (
    cannot_tell,
    finding_line,
    opening,
    remarks,
)
from guideline_benchmarks.results.gate.finding import Change, Judgement, Row

SUITE = "guidelines"
# What XML 1.0 has no way to write, not even escaped.
_NOT_IN_XML = dict.fromkeys([*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF], "\ufffd")


def junit(judgement: Judgement, strict: bool = False) -> str:
    """Return JUnit XML: a test case for each row, grouped by experiment.

    SLOWER is a failure, a row without figures an error, INCONCLUSIVE is skipped (with `strict`, a
    failure); FASTER and SAME pass. That nothing was measured is an error, too. That the gate cannot
    tell is a case of its own, before all others, skipped or failed as rows are.
    """
    suite = ElementTree.Element("testsuite", name=judgement.title.translate(_NOT_IN_XML))
    unsure = cannot_tell(judgement)
    below = [f"{label}: {text}" for label, text in opening(judgement)]
    _properties(suite, [("inconclusive", unsure), *opening(judgement)])
    if unsure:
        message = " ".join([unsure, *below])
        _told(_case(suite, Row("decided", "cell", ())), "failure" if strict else "skipped", message)
    for finding in judgement.findings:
        case = _case(suite, finding.row)
        if finding.failure is not None:
            _told(case, "error", finding.failure)
        elif finding.verdict == Change.SLOWER:
            _told(case, "failure", finding_line(judgement, finding))
        elif finding.verdict == Change.INCONCLUSIVE:
            _told(case, "failure" if strict else "skipped", finding_line(judgement, finding))
        else:
            ElementTree.SubElement(case, "system-out").text = finding_line(judgement, finding)
    if not judgement.measured:
        _told(_case(suite, Row("measured", "cell", ())), "error", "nothing was measured")
    told = [*filter(None, [unsure]), *below, *remarks(judgement)]
    if told:
        ElementTree.SubElement(suite, "system-out").text = "\n".join(told).translate(_NOT_IN_XML)
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


def _properties(suite: ElementTree.Element, said: Sequence[tuple[str, str]]) -> None:
    """Add those sentences that are not empty as properties of the suite, by lower-case names."""
    known = {label.lower(): text.translate(_NOT_IN_XML) for label, text in said if text}
    if known:
        properties = ElementTree.SubElement(suite, "properties")
        for name, text in known.items():
            ElementTree.SubElement(properties, "property", name=name, value=text)


def _case(suite: ElementTree.Element, row: Row) -> ElementTree.Element:
    """Add a test case, whose class is the experiment."""
    experiment = row.experiment or row.name
    name = row.name.removeprefix(f"{experiment}/")
    attributes = {"classname": f"{SUITE}.{experiment}", "name": name}
    return ElementTree.SubElement(suite, "testcase", attributes, time="0")


def _told(case: ElementTree.Element, kind: str, message: str) -> None:
    ElementTree.SubElement(case, kind, message=message.translate(_NOT_IN_XML))
