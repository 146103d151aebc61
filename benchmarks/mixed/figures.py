"""What a run came to, as a table and as JSON."""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from rich.console import Console
from rich.table import Table

from app.domain.delivery.events import DeliveryFailed, DeliveryMade
from app.domain.order.model import AttemptStatus
from benchmarks.mixed.checks import Books, Difference
from benchmarks.mixed.floor import Begun, Floor
from projections.fold import order_updates, payment_updates
from projections.views import OrderView, PaymentView

_COLUMNS = 110
_WAITING_ON_PURPOSE = frozenset(
    {"abandoned", "paid late", "underpaid", "order abandoned", "order paid late", "held and left"}
)
"""Stories that end by a deadline, or with the run."""


@dataclass
class Figures:
    """Times in seconds."""

    settings: dict[str, Any]
    machine: dict[str, Any]
    processor_seconds: dict[str, float]
    seconds: dict[str, float]
    begun: dict[str, int]
    outcomes: dict[str, dict[str, int]]
    to_final: dict[str, dict[str, float]]
    provider_calls: int
    faults: dict[str, int]
    endpoint: dict[str, Any]
    kills: dict[str, int]
    crashes: dict[str, int]
    """Ends of processes that were not killed."""
    sent_again: dict[str, int]
    for_people: dict[str, int]
    unfinished: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    evidence: dict[str, list[str]] = field(default_factory=dict)

    @property
    def clean(self) -> bool:
        """Whether everything came to what it should."""
        return not (self.unfinished or self.broken or self.crashes or self.differences)

    def write(self, path: Path) -> None:
        """All of it as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=2) + "\n")

    def show(self) -> None:
        """Print tables, and every difference."""
        console = Console(width=_COLUMNS)
        table = Table("status", *self.outcomes)
        for status in sorted({status for column in self.outcomes.values() for status in column}):
            table.add_row(status, *(str(column.get(status, 0)) for column in self.outcomes.values()))
        console.print(table)
        rest = Table("question", "result")
        for name in _SHOWN:
            rest.add_row(name.replace("_", " "), _text(getattr(self, name)))
        rest.add_row("differences", str(len(self.differences)))
        console.print(rest)
        for problem in (*self.unfinished, *self.broken):
            console.print(f"[red]unfinished[/red] {problem}", soft_wrap=True)
        for each in self.differences:
            console.print(f"[red]{each.entity_id}[/red]: {each.what}", soft_wrap=True)


_SHOWN = (
    "settings",
    "machine",
    "processor_seconds",
    "seconds",
    "begun",
    "to_final",
    "provider_calls",
    "faults",
    "endpoint",
    "kills",
    "crashes",
    "sent_again",
    "for_people",
)


def _text(value: Any) -> str:
    if not isinstance(value, dict):
        return str(value)
    return ", ".join(
        f"{name} ({_text(each)})" if isinstance(each, dict) else f"{name} {each}" for name, each in value.items()
    )


def outcomes(books: Books) -> dict[str, dict[str, int]]:
    """How many payments of each provider, and orders, came to which status."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for view in _views(books):
        name = "orders" if isinstance(view, OrderView) else view.provider
        found[name][view.status.value] += 1
    return {name: dict(counted) for name, counted in sorted(found.items())}


def times_to_final(books: Books, begun: Sequence[Begun]) -> dict[str, dict[str, float]]:
    """From the first event of what was begun to the one that made it final, waits on purpose apart."""
    stories = {each.entity_id: each for each in begun}
    took: dict[str, list[float]] = defaultdict(list)
    for view in _views(books):
        story = stories.get(view.id)
        final = next((step.at for step in view.history if step.status.final), None)
        if story is None or final is None:
            continue
        name = "waiting on purpose" if story.story in _WAITING_ON_PURPOSE else f"{story.kind}s"
        took[name].append((final - _began(view)).total_seconds())
    return {name: _spread(times) for name, times in took.items()}


def _began(view: PaymentView | OrderView) -> datetime:
    return view.initiated_at if isinstance(view, PaymentView) else view.placed_at


def _spread(times: list[float]) -> dict[str, float]:
    last = quantiles(times, n=100)[98] if len(times) > 1 else times[0]
    return {"p50": round(median(times), 2), "p99": round(last, 2), "longest": round(max(times), 2)}


def deliveries(books: Books) -> dict[str, int]:
    """What became of the messages to the endpoint, by its calls and by what is recorded of them."""
    calls = [call.message_id for about in books.told.values() for call in about]
    events = [event for history in books.streams.deliveries.histories.values() for event in history]
    return {
        "messages": len(set(calls)),
        "calls": len(calls),
        "duplicates": len(calls) - len(set(calls)),
        "recorded as made": sum(isinstance(event, DeliveryMade) for event in events),
        "recorded as failed": sum(isinstance(event, DeliveryFailed) for event in events),
    }


def for_people(books: Books) -> dict[str, int]:
    """What is written down for people to mend: no program can."""
    stuck = sum(
        each.status is AttemptStatus.STUCK
        for view in _views(books)
        if isinstance(view, OrderView)
        for each in view.attempts
    )
    return {
        "orders' payments that could not be given back": stuck,
        "payments with money to return": books.to_return(),
        "payments with a contradiction": books.contradictions(),
    }


def begun_by_kind(floor: Floor) -> dict[str, int]:
    """How many payments and orders were asked for."""
    return dict(Counter(f"{each.kind}s" for each in floor.begun if not each.again))


def _views(books: Books) -> list[PaymentView | OrderView]:
    payments = (payment_updates(events)[0] for events in books.streams.payments.histories.values())
    orders = (order_updates(events)[0] for events in books.streams.orders.histories.values())
    return [folded.view for folded in (*payments, *orders) if folded is not None]


def by_name(counted: Mapping[str, int]) -> dict[str, int]:
    """Sorted."""
    return dict(sorted(counted.items()))
