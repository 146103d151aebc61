"""A report as a table for the terminal, as JSON for programs and as Markdown for documents."""

import json
from collections.abc import Iterable, Iterator

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from app.audit.model import Finding, Level, Protocol, Report, Verdict

_STYLES = {
    Verdict.MET: "green",
    Verdict.NOT_MET: "yellow",
    Verdict.NOT_OFFERED: "dim",
    Verdict.NOT_EXAMINED: "dim",
}


def as_table(report: Report, *, everything: bool = False) -> RenderableType:
    """The counts of each protocol and the rules that are not met; with `everything` all the others too."""
    return Group(_counts_table(report), *_findings_tables(report, everything=everything))


def _counts_table(report: Report) -> Table:
    table = Table("protocol", *(level.value for level in Level), title=report.url)
    for protocol in report.protocols:
        table.add_row(protocol.value, *(_share(report, protocol, level) for level in Level))
    return table


def _share(report: Report, protocol: Protocol, level: Level) -> str:
    """How many are met of those that apply, and how many do not."""
    counts = {verdict: report.counts(protocol)[level, verdict] for verdict in Verdict}
    apart = {verdict: counts.pop(verdict) for verdict in (Verdict.NOT_OFFERED, Verdict.NOT_EXAMINED)}
    notes = "".join(f", {count} {verdict}" for verdict, count in apart.items() if count)
    total = sum(counts.values())
    return f"{counts[Verdict.MET]} of {total}{notes}" if total or notes else "none"


def _findings_tables(report: Report, *, everything: bool) -> Iterator[Table]:
    for protocol in report.protocols:
        shown = [each for each in report.of(protocol) if everything or each.verdict is not Verdict.MET]
        if shown:
            yield _findings_table(protocol, shown)


def _findings_table(protocol: Protocol, findings: Iterable[Finding]) -> Table:
    table = Table("rule", "level", "what it says", "verdict", "what was seen", title=protocol.value)
    for each in findings:
        style = "bold red" if each.fatal else _STYLES[each.verdict]
        # What a server said may look like markup.
        table.add_row(each.id, each.level, Text(each.title), Text(each.verdict, style), Text(each.seen))
    return table


def as_json(report: Report) -> str:
    """Everything, for programs."""
    findings = [
        {
            "protocol": each.protocol,
            "id": each.id,
            "level": each.level,
            "title": each.title,
            "verdict": each.verdict,
            "seen": each.seen,
        }
        for each in report.findings
    ]
    return json.dumps({"url": report.url, "passed": report.passed, "findings": findings}, ensure_ascii=False, indent=2)


def as_markdown(report: Report) -> str:
    """Everything but what differs from one run to the next, so that it can be kept and compared."""
    lines = ["# Conformance", "", *_summary(report), "", *_exceptions(report)]
    for protocol in report.protocols:
        lines += ["", f"## {protocol}", "", *_rows(report.of(protocol))]
    return "\n".join(lines) + "\n"


def _summary(report: Report) -> Iterator[str]:
    yield "| protocol | " + " | ".join(Level) + " |"
    yield "| --- |" + " --- |" * len(Level)
    for protocol in report.protocols:
        yield f"| {protocol} | " + " | ".join(_share(report, protocol, level) for level in Level) + " |"


def _exceptions(report: Report) -> Iterator[str]:
    """What is not met, said before anything else."""
    exceptions = [each for each in report.findings if each.verdict is not Verdict.MET]
    if not exceptions:
        yield "Every rule is met."
        return
    yield "All rules are met but these:"
    yield ""
    for each in exceptions:
        yield f"- `{each.id}` ({each.level}) is **{each.verdict}**: {_escaped(each.seen)}. {_escaped(each.title)}."


def _rows(findings: Iterable[Finding]) -> Iterator[str]:
    yield "| rule | level | what it says | verdict |"
    yield "| --- | --- | --- | --- |"
    for each in findings:
        yield f"| `{each.id}` | {each.level} | {_escaped(each.title)} | {each.verdict} |"


def _escaped(text: str) -> str:
    for sign in "\\|*_<`":
        text = text.replace(sign, f"\\{sign}")
    return text.replace("\n", " ")
