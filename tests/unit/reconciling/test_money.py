"""A payment's record of its money beside the provider's: nothing differs, or exactly what was changed."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.ids import PaymentId
from app.domain.money import Money
from app.domain.payment import events as happened
from app.domain.payment.events import PaymentEvent
from app.domain.payment.evolve import fold
from app.domain.payment.model import NotInitiated, PaymentStatus
from app.providers.notices import PaymentNamed
from app.providers.statements import Movement, MovementKind, Span
from app.reconciling.accounts import Account, Flow, account_of
from app.reconciling.model import Difference, Kind
from app.reconciling.money import differences, unfound, without_captured_holds, without_payment
from tests.support.builders import START
from tests.support.commands import histories

DAY = Span(START.replace(hour=0, minute=0, second=0), START.replace(hour=0, minute=0, second=0) + timedelta(days=1))
PAYMENT = PaymentId("pay_1")
CHARGE = Flow("ch_1", Money(1000, "EUR"), START)
REFUNDS = (Flow("re_1", Money(300, "EUR"), START, "ref_1"), Flow("re_2", Money(200, "EUR"), START, "ref_2"))
ACCOUNT = Account(PAYMENT, "stripe", False, PaymentStatus.PARTIALLY_REFUNDED, (CHARGE,), REFUNDS)
TRANSFERS = replace(
    ACCOUNT,
    provider="vietqr",
    by_transfer=True,
    charges=tuple(Flow(f"FT{number}", Money(500, "EUR"), START) for number in (1, 2)),
    refunds=(),
)
OTHER_DAY = DAY.begin - timedelta(days=3)


def there(account: Account) -> list[Movement]:
    """The provider's record of a payment, when both are right."""
    kinds = ((MovementKind.CHARGE, account.charges), (MovementKind.REFUND, account.refunds))
    return [
        Movement(kind, flow.reference, flow.money, flow.at, PaymentNamed(PaymentId(account.payment_id)))
        for kind, flows in kinds
        for flow in flows
    ]


def one_more(kind: MovementKind, reference: str = "other") -> Movement:
    return Movement(kind, reference, Money(1, "EUR"), START, PaymentNamed(PAYMENT))


def kinds(found: Sequence[Difference]) -> list[tuple[Kind, str]]:
    return [(each.kind, each.reference) for each in found]


Change = Callable[[list[Movement]], list[Movement]]

CHANGES: list[tuple[Account, Change, list[tuple[Kind, str]]]] = [
    (ACCOUNT, lambda record: record, []),
    (TRANSFERS, lambda record: record, []),
    (ACCOUNT, lambda record: record[1:], [(Kind.CHARGE_NOT_THERE, "ch_1")]),
    (ACCOUNT, lambda record: [*record, one_more(MovementKind.CHARGE)], [(Kind.CHARGED_TWICE, "other")]),
    (ACCOUNT, lambda record: [*record, one_more(MovementKind.REFUND)], [(Kind.REFUND_NOT_RECORDED, "other")]),
    (ACCOUNT, lambda record: [*record[:1], *record[2:]], [(Kind.REFUND_NOT_THERE, "re_1")]),
    (ACCOUNT, lambda record: [*record, one_more(MovementKind.HOLD)], []),
    (TRANSFERS, lambda record: record[1:], [(Kind.CHARGE_NOT_THERE, "FT1")]),
    (TRANSFERS, lambda record: [*record, one_more(MovementKind.CHARGE)], [(Kind.CHARGE_NOT_RECORDED, "other")]),
    (replace(ACCOUNT, charges=()), lambda record: [one_more(MovementKind.CHARGE), *record], [
        (Kind.CHARGE_NOT_RECORDED, "other"),
    ]),
    (
        replace(ACCOUNT, charges=()),
        lambda record: [*record, one_more(MovementKind.CHARGE, "a"), one_more(MovementKind.CHARGE, "b")],
        [(Kind.CHARGED_TWICE, "a, b")],
    ),
    (replace(ACCOUNT, charges=()), lambda record: [*record, one_more(MovementKind.HOLD)], [
        (Kind.HOLD_NOT_RECORDED, "other"),
    ]),
    (replace(ACCOUNT, charges=(), held=True), lambda record: [*record, one_more(MovementKind.HOLD)], []),
    # What happened on another day is another day's report's, by our record; by the provider's it is known all the same.
    (replace(ACCOUNT, charges=(replace(CHARGE, at=OTHER_DAY),)), lambda record: record[1:], []),
    (replace(ACCOUNT, charges=(replace(CHARGE, at=OTHER_DAY),)), lambda record: record, []),
    (replace(ACCOUNT, refunds=tuple(replace(flow, at=OTHER_DAY) for flow in REFUNDS)), lambda record: record[:1], []),
]  # fmt: skip


@pytest.mark.parametrize(("account", "change", "expected"), CHANGES)
def test_one_change_is_one_difference(account: Account, change: Change, expected: list[tuple[Kind, str]]) -> None:
    found = differences(account, change(there(account)), DAY)
    assert kinds(found) == expected
    assert all(each.subject == PAYMENT and each.sentence and each.remedy for each in found)


@pytest.mark.parametrize(
    ("place", "kind"), [(0, Kind.CHARGE_DIFFERS), (1, Kind.REFUND_DIFFERS), (2, Kind.REFUND_DIFFERS)]
)
@pytest.mark.parametrize("money", [Money(999, "EUR"), Money(1000, "USD"), Money(0, "EUR")])
def test_another_amount_or_currency_differs(place: int, kind: Kind, money: Money) -> None:
    record = there(ACCOUNT)
    record[place] = replace(record[place], money=money)
    assert kinds(differences(ACCOUNT, record, DAY)) == [(kind, record[place].reference)]


def test_a_refund_that_is_under_way_is_asked_about_and_one_by_hand_is_for_people() -> None:
    record = [*there(ACCOUNT), one_more(MovementKind.REFUND)]
    (by_hand,) = differences(ACCOUNT, record, DAY)
    (under_way,) = differences(replace(ACCOUNT, refunding=True), record, DAY)
    assert "people have to look" in by_hand.remedy
    assert under_way.remedy.startswith("run `paygate reconcile --payment pay_1`")


@pytest.mark.parametrize("kind", MovementKind)
def test_money_of_nobody_is_said_with_the_name_it_goes_by(kind: MovementKind) -> None:
    found = without_payment("stripe", one_more(kind))
    assert found.kind.value == f"{kind}_without_payment"
    assert "'pay_1'" in found.sentence
    assert without_payment("stripe", replace(one_more(kind), about=None)).sentence.endswith("names no payment")


def test_a_hold_that_was_taken_is_no_hold_any_more() -> None:
    record = [one_more(MovementKind.HOLD, "a"), one_more(MovementKind.CHARGE, "a"), one_more(MovementKind.HOLD, "b")]
    assert without_captured_holds(record) == record[1:]


@settings(max_examples=40)
@given(histories())
def test_what_every_history_says_agrees_with_a_provider_that_says_the_same(events: list[PaymentEvent]) -> None:
    state = fold(events)
    if isinstance(state, NotInitiated):
        return
    account = account_of(events, state)
    record = there(account)
    assert differences(account, record, DAY) == []
    assert unfound(account, record, DAY) == ([], [])
    taken = sum(event.amount for event in events if isinstance(event, happened.PaymentCaptured))
    # Providers are made to say anything in these histories, even that less than nothing was taken.
    charged = sum(max(0, flow.money.amount) for flow in account.charges)
    assert account.by_transfer or charged >= taken


@settings(max_examples=40)
@given(histories(), st.data())
def test_what_is_lost_from_a_record_is_missed(events: list[PaymentEvent], data: st.DataObject) -> None:
    state = fold(events)
    account = None if isinstance(state, NotInitiated) else account_of(events, state)
    record = there(account) if account else []
    if account is None or not record:
        return
    lost = data.draw(st.sampled_from(record))
    left = [each for each in record if (each.kind, each.reference) != (lost.kind, lost.reference)]
    missed = {MovementKind.CHARGE: Kind.CHARGE_NOT_THERE, MovementKind.REFUND: Kind.REFUND_NOT_THERE}[lost.kind]
    assert {each.kind for each in differences(account, left, DAY)} == {missed}
