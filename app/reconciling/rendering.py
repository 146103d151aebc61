"""A report for people, and for programs."""

import json
from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from app.reconciling.model import Coverage, Difference, Report
from app.webhooks.assigning import KeptTransfer


def as_text(report: Report) -> RenderableType:
    """What was compared, then every difference with its remedy."""
    compared = f"{report.day}: {report.payments} payments and {report.orders} orders compared"
    return Group(
        Text(compared),
        *(Text(f"  {line}") for line in map(_coverage, report.coverages)),
        *(Text(line) for each in report.differences for line in ("", *_lines(each))),
        Text(""),
        Text(_count(len(report.differences), "difference") if report.differences else "no difference"),
    )


def as_json(report: Report) -> str:
    """The whole report; amounts stand in the sentences."""
    return json.dumps(
        {
            "day": report.day.isoformat(),
            "payments": report.payments,
            "orders": report.orders,
            "providers": [
                {
                    "provider": each.provider,
                    "listed": each.listed,
                    "movements": each.movements,
                    "asked": each.asked,
                    "note": each.note,
                }
                for each in report.coverages
            ],
            "differences": [
                {
                    "kind": each.kind.value,
                    "subject": each.subject,
                    "provider": each.provider,
                    "reference": each.reference,
                    "sentence": each.sentence,
                    "remedy": each.remedy,
                }
                for each in report.differences
            ],
        },
        ensure_ascii=False,
        indent=2,
    )


def transfers_table(transfers: Iterable[KeptTransfer]) -> Table:
    """Bank transfers that were kept for people."""
    table = Table("transfer", "amount", "text", "told by", "at", "state")
    for each in transfers:
        notice = each.unmatched.notice
        state = each.progress.value + (f": {each.payment_id}" if each.payment_id else "")
        at, text = str(notice.evidence.get("at", notice.at.isoformat())), str(notice.evidence.get("text", ""))
        table.add_row(each.reference, str(each.money), Text(text), notice.reader, at, state)
    return table


def _coverage(coverage: Coverage) -> str:
    listed = _count(coverage.movements, "movement")
    parts = [f"{listed} listed"] if coverage.listed else []
    parts += [f"asked about {_count(coverage.asked, 'payment')}"] if coverage.asked or not coverage.listed else []
    parts += [coverage.note] if coverage.note else []
    return f"{coverage.provider}: {', '.join(parts)}"


def _lines(difference: Difference) -> tuple[str, str]:
    head = f"{difference.kind.value} {difference.subject}"
    return f"{head}: {difference.sentence}", f"  → {difference.remedy}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
