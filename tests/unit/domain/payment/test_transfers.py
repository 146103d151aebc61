"""Bank transfers: each counted once, enough is success, too much and too late is given back."""

import pytest

from app.domain.payment import events as happened
from app.domain.payment.model import Expire, NotInitiated, Transfer, outstanding_of
from app.domain.payment.next_action import LookUp, Policy, next_action
from tests.support.builders import ANOTHER_ACTION, CANCEL, LATER, NOW, PRICE, GivenPayment, captured, said, transferred
from tests.support.positions import (
    awaiting_customer,
    cancelled,
    declined,
    expired,
    partly_transferred,
    session_cancelled,
    session_expired,
    taken,
    transferred_in_full,
)

ACTED = happened.ActionCompleted(at=NOW)


def received(amount: int, reference: str = "bank-1") -> happened.TransferReceived:
    return happened.TransferReceived(reference=reference, amount=amount, at=NOW)


def taken_by(reference: str = "bank-1") -> happened.PaymentCaptured:
    return happened.PaymentCaptured(reference=reference, amount=PRICE.amount, at=NOW)


def back(amount: int, reason: str, reference: str = "bank-1") -> happened.MoneyToReturn:
    return happened.MoneyToReturn.model_validate(
        {"reference": reference, "amount": amount, "reason": reason, "at": NOW}
    )


def outstanding(given: GivenPayment) -> int:
    assert not isinstance(given.state, NotInitiated)
    return outstanding_of(given.state)


def transfers(given: GivenPayment) -> tuple[Transfer, ...]:
    assert not isinstance(given.state, NotInitiated)
    return given.state.transfers


def test_the_whole_price_in_one_transfer_is_success() -> None:
    awaiting_customer().when(said(transferred())).then(received(1000), ACTED, taken_by())


def test_parts_are_success_when_their_sum_is_reached() -> None:
    part = awaiting_customer().when(said(transferred(400))).then(received(400))
    part.when(said(transferred(600, reference="bank-2"))).then(received(600, "bank-2"), ACTED, taken_by("bank-2"))


def test_after_a_part_the_customer_is_asked_for_the_rest() -> None:
    given = partly_transferred()
    assert isinstance(next_action(given.state, NOW, Policy()), LookUp)
    assert outstanding(given) == 600
    asked = given.after(said(ANOTHER_ACTION))
    assert isinstance(asked.events[-1], happened.ActionRequired)
    # Asked once: the same answer again is no news.
    asked.when(said(ANOTHER_ACTION)).then()


def test_more_than_the_price_is_success_and_the_surplus_goes_back() -> None:
    awaiting_customer().when(said(transferred(1100))).then(received(1100), ACTED, taken_by(), back(100, "SURPLUS"))


def test_a_last_part_that_is_too_much_gives_back_only_what_is_too_much() -> None:
    partly_transferred().when(said(transferred(700, reference="bank-2"))).then(
        received(700, "bank-2"), ACTED, taken_by("bank-2"), back(100, "SURPLUS", "bank-2")
    )


def test_a_second_transfer_after_success_goes_back_whole() -> None:
    again = said(transferred(reference="bank-3"))
    for given in (transferred_in_full(), taken()):
        given.when(again).then(received(1000, "bank-3"), back(1000, "DUPLICATE", "bank-3"))


@pytest.mark.parametrize("given", [partly_transferred(), transferred_in_full(), session_expired()])
def test_a_transfer_that_is_known_changes_nothing_wherever_the_payment_stands(given: GivenPayment) -> None:
    told = given.after(said(transferred(400)))
    told.when(said(transferred(400))).then()


def test_the_price_after_expiry_is_accepted() -> None:
    for given in (session_expired(), expired()):
        accepted = given.after(said(transferred()))
        kinds = [type(event) for event in accepted.events[len(given.events) :]]
        assert kinds == [happened.TransferReceived, happened.LateSuccessRecorded, happened.PaymentCaptured]


def test_less_than_the_price_after_expiry_goes_back() -> None:
    session_expired().when(said(transferred(400))).then(received(400), back(400, "LATE"))


def test_what_has_arrived_in_part_goes_back_at_the_deadline_and_the_late_rest_too() -> None:
    over = partly_transferred(expires=True).when(Expire(LATER))
    ended = over.then(
        happened.PaymentExpired(at=LATER),
        happened.MoneyToReturn(reference="bank-1", amount=400, reason="UNDERPAID", at=LATER),
    )
    ended.when(said(transferred(1000, reference="bank-2"))).then(received(1000, "bank-2"), back(1000, "LATE", "bank-2"))


@pytest.mark.parametrize("given", [cancelled(), session_cancelled(), declined()])
def test_after_any_other_end_it_goes_back(given: GivenPayment) -> None:
    given.when(said(transferred())).then(received(1000), back(1000, "LATE"))


def test_cancelling_gives_back_what_has_arrived() -> None:
    given = partly_transferred().after(CANCEL)
    assert back(400, "LATE") in given.events


def test_another_currency_is_recorded_and_moves_nothing() -> None:
    given = awaiting_customer().after(said(transferred(currency="USD")))
    assert isinstance(given.events[-1], happened.ContradictionRecorded)
    assert transfers(given) == ()


def test_what_has_arrived_is_remembered_whatever_comes_after() -> None:
    paid = partly_transferred().after(said(captured()))
    assert transfers(paid) == (Transfer("bank-1", 400),)
    assert outstanding(paid) == 600
