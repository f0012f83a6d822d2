"""All that an advice says, as a document."""

from __future__ import annotations

from guideline_benchmarks.reports.advice.tables import (
    WHOLE,
    alternatives_table,
    places_table,
    ranked_tables,
    reasons_table,
    together_table,
)
from guideline_benchmarks.reports.advice.wording import (
    ACCURACY,
    NO_BAR,
    costs_line,
    fused_line,
    headline,
    label,
    network_text,
    not_seen,
    nothing_applied,
    one_line,
    title,
    together_line,
    warnings,
)
from guideline_benchmarks.reports.document import Document, Section
from guideline_benchmarks.reports.layout import significant
from guideline_benchmarks.reports.run.heading import processor
from guideline_benchmarks.results.advice.judged import Judged

BAR, BAR_TITLE = "bar", "Time along the network"
TOGETHER = "Applied together"


def document(judged: Judged) -> Document:
    """Return the document of an advice, without its figure and its data."""
    return Document(
        "advice",
        title(judged),
        [
            _findings(judged),
            _along_the_network(judged),
            _together(judged),
            *_details(judged),
            Section("What costs nothing by itself", [fused_line(judged)]),
            Section("What this does not say", [ACCURACY, *not_seen(judged)]),
        ],
        headline=headline(judged),
        facts=facts(judged),
        warnings=warnings(judged),
    )


def facts(judged: Judged) -> list[tuple[str, str]]:
    """Return the platform, the machine, the protocol and the network as labels with texts."""
    machine, platform, protocol = judged.fingerprint, judged.platform, judged.protocol
    processes = "process" if protocol.processes == 1 else "processes"
    return [
        ("Platform", f"{label(judged)} ({platform.description or platform.backend})"),
        ("Processor", processor(machine)),
        ("System", f"{machine.os}, Python {machine.python}, {machine.software}"),
        ("Protocol", f"{protocol.runs} samples a network, {protocol.processes} fresh {processes}"),
        ("Network", f"{one_line(judged.advice.model)}, {network_text(judged)}"),
        *_blocks(judged),
    ]


def _blocks(judged: Judged) -> list[tuple[str, str]]:
    """Say to which widths channels are rounded here; nothing where nobody looked."""
    said = [
        f"{kind}: {f'multiples of {block}' if block else 'any width'}"
        for kind, block in judged.advice.blocks.items()
    ]
    return [("Widths", f"that suit the runtime: {', '.join(said)}")] if said else []


def _findings(judged: Judged) -> Section:
    if not judged.findings:
        return Section("Findings", [f"{headline(judged)}."])
    return Section("Findings", [WHOLE], tables=ranked_tables(judged))


def _along_the_network(judged: Judged) -> Section:
    if not judged.segments:
        return Section(BAR_TITLE, [NO_BAR])
    total = sum(segment.ms for segment in judged.segments)
    said = (
        f"{len(judged.segments)} operators in the order in which they were executed, "
        f"{significant(total)} ms together; the whole network took {network_text(judged)}."
    )
    return Section(BAR_TITLE, [said], plots=[(BAR, f"Bar of time along the network: {said}")])


def _together(judged: Judged) -> Section:
    together = judged.together
    if together is None:
        return Section(TOGETHER, [nothing_applied(judged), costs_line(judged)])
    return Section(
        TOGETHER,
        [costs_line(judged)],
        tables=[together_table(judged, together)],
        verdicts=[together_line(judged, together)],
    )


def _details(judged: Judged) -> list[Section]:
    """Return alternatives, reasons and places; nothing without findings."""
    if not judged.findings:
        return []
    known = any(finding.found.alternatives for finding in judged.findings)
    return [
        *([Section("Alternatives", tables=[alternatives_table(judged)])] if known else []),
        Section("Why, and where", tables=[reasons_table(judged), places_table(judged)]),
    ]
