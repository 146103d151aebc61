"""The program that plays thousands of mixed payments and orders, with few of them; it would see a difference."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from app.domain.delivery.events import DeliveryEvent, DeliveryMade
from app.domain.order.events import OrderConfirmed, OrderEvent
from benchmarks.mixed.checks import Books
from benchmarks.mixed.providers import Account
from benchmarks.mixed.run import Options, opened

Answers = Mapping[str, Any]


@pytest.mark.timeout(400)
async def test_few_mixed_payments_and_orders_come_to_their_ends_and_all_books_agree() -> None:
    async with opened(Options(40, seed=7, at_once=16, kills=0, expiry=3, most_failures=1)) as running:
        figures = await running.play()
        books, answers = await running.books(), await running.answers()
    assert (figures.unfinished, figures.broken, figures.differences, figures.crashes) == ([], [], [], {})
    assert sum(figures.begun.values()) == 40
    assert len(figures.outcomes) == 8, "seven providers and the orders"
    assert sum(figures.faults.values()) > 0
    for name, (tamper, expected) in TAMPERINGS.items():
        found = [each.what for each in tamper(books, answers)]
        assert any(expected in what for what in found), f"{name}: {found}"


def charged_again(books: Books, answers: Answers) -> Any:
    return ledger(books, answers, lambda account: account.moved["capture"].append(account.moved["capture"][0]))


def charged_more(books: Books, answers: Answers) -> Any:
    return ledger(books, answers, lambda account: account.moved["capture"].append(account.moved["capture"].pop() + 1))


def held_for_ever(books: Books, answers: Answers) -> Any:
    return ledger(books, answers, lambda account: account.moved.update(capture=[]))


def ledger(books: Books, answers: Answers, change: Callable[[Account], object]) -> Any:
    """The differences when the account of one card payment is another."""
    name = next(name for name, account in books.ledger.items() if account.moved["authorize"] and account.kept)
    account = Account(currencies=set(books.ledger[name].currencies))
    account.moved.update({operation: list(amounts) for operation, amounts in books.ledger[name].moved.items()})
    change(account)
    return replace(books, ledger={**books.ledger, name: account}).differences(answers)


def another_status(books: Books, answers: Answers) -> Any:
    name, answer = next(iter(answers.items()))
    return books.differences({**answers, name: {**answer, "status": "UNHEARD_OF"}})


def no_answer(books: Books, answers: Answers) -> Any:
    return books.differences(dict(list(answers.items())[1:]))


def not_told(books: Books, answers: Answers) -> Any:
    subject, calls = next(iter(books.told.items()))
    return told(books, answers, subject, [call for call in calls if call.message_id != calls[0].message_id])


def told_backwards(books: Books, answers: Answers) -> Any:
    subject, calls = next(iter(books.told.items()))
    return told(books, answers, subject, [*calls, calls[0]])


def told_otherwise(books: Books, answers: Answers) -> Any:
    subject, (call, *rest) = next((subject, calls) for subject, calls in books.told.items() if single(calls))
    other = replace(call, event={**call.event, "data": {**call.event["data"], "status": "UNHEARD_OF"}})
    return told(books, answers, subject, [other, *rest])


def single(calls: Any) -> bool:
    """Whether nothing was told twice."""
    return len({call.message_id for call in calls}) == len(calls)


def told(books: Books, answers: Answers, subject: str, calls: Any) -> Any:
    return replace(books, told={**books.told, subject: calls}).differences(answers)


def delivery_not_recorded(books: Books, answers: Answers) -> Any:
    deliveries = books.streams.deliveries
    name, events = next(iter(deliveries.histories.items()))
    without: list[DeliveryEvent] = [event for event in events if not isinstance(event, DeliveryMade)]
    changed = replace(deliveries, histories={**deliveries.histories, name: without})
    return replace(books, streams=replace(books.streams, deliveries=changed)).differences(answers)


def payment_not_ended(books: Books, answers: Answers) -> Any:
    payments = books.streams.payments
    name, events = next(iter(payments.histories.items()))
    changed = replace(payments, histories={**payments.histories, name: events[:1]})
    return replace(books, streams=replace(books.streams, payments=changed)).differences(answers)


def order_not_confirmed(books: Books, answers: Answers) -> Any:
    orders = books.streams.orders
    name = next(name for name in orders.histories if answers[name]["status"] == "CONFIRMED")
    # Its first payment may have failed: it goes on to know of all of them.
    known: list[OrderEvent] = [event for event in orders.histories[name] if not isinstance(event, OrderConfirmed)]
    changed = replace(orders, histories={**orders.histories, name: known})
    return replace(books, streams=replace(books.streams, orders=changed)).differences(answers)


TAMPERINGS: Mapping[str, tuple[Callable[[Books, Answers], Any], str]] = {
    "a second charge": (charged_again, "charged 2 times"),
    "a charge of more": (charged_more, "the ledger has"),
    "a hold that is left": (held_for_ever, "still holds"),
    "another status": (another_status, "status: the read model has"),
    "a payment that clients do not see": (no_answer, "the read model does not have it"),
    "a change not told": (not_told, "the endpoint was told of"),
    "a change told after a later one": (told_backwards, "out of order"),
    "a change told otherwise": (told_otherwise, "told otherwise"),
    "a delivery not recorded": (delivery_not_recorded, "deliveries are recorded"),
    "a payment that has not ended": (payment_not_ended, "is INITIATED"),
    "an order that does not know it is paid": (order_not_confirmed, "is PENDING with the successful payments"),
}
