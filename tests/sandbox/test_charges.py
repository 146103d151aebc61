"""What may happen to a charge, asked over HTTP, and whatever the order of asking."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.laptop.sandbox import charges
from app.laptop.sandbox.charges import Charge, ChargeStatus, Refusal
from tests.sandbox.client import Client, code, unique


def test_a_part_is_captured_and_the_rest_released(client: Client) -> None:
    charge = client.held(reference=(reference := unique("pay")))
    captured = client.capture(charge, 4000).json()
    assert (captured["status"], captured["amount_captured"]) == ("captured", 4000)
    assert client.ledger(reference) == [("authorize", 4200), ("capture", 4000)]


def test_without_an_amount_everything_is_captured(client: Client) -> None:
    assert client.capture(client.held()).json()["amount_captured"] == 4200


def test_more_than_is_held_cannot_be_captured(client: Client) -> None:
    charge = client.held(reference=(reference := unique("pay")))
    answer = client.capture(charge, 4201)
    assert (answer.status_code, code(answer)) == (400, "amount_too_large")
    assert client.ledger(reference) == [("authorize", 4200)]


def test_a_charge_is_captured_once(client: Client) -> None:
    charge = client.taken()
    answer = client.capture(charge)
    assert (answer.status_code, code(answer)) == (400, "charge_unexpected_state")
    assert answer.json()["error"]["charge"]["status"] == "captured"


@pytest.mark.parametrize("card", ["success", "authenticate"])
def test_before_the_capture_a_charge_can_be_voided(client: Client, card: str) -> None:
    charge = client.held(card=card, reference=(reference := unique("pay")))
    assert client.void(charge).json()["status"] == "voided"
    assert client.ledger(reference) == ([("authorize", 4200), ("void", 4200)] if card == "success" else [])


def test_after_the_capture_a_charge_cannot_be_voided(client: Client) -> None:
    answer = client.void(client.taken())
    assert (answer.status_code, code(answer)) == (400, "charge_unexpected_state")


def test_refunds_add_up_to_at_most_what_was_captured(client: Client) -> None:
    charge = client.taken(reference=(reference := unique("pay")))
    assert client.refund(charge, 4000).json()["amount"] == 4000
    assert code(client.refund(charge, 201)) == "amount_too_large"
    assert client.refund(charge).json()["amount"] == 200
    assert code(client.refund(charge)) == "amount_too_large"
    assert client.ledger(reference) == [("authorize", 4200), ("capture", 4200), ("refund", 4000), ("refund", 200)]


def test_what_is_not_captured_cannot_be_refunded(client: Client) -> None:
    assert code(client.refund(client.held())) == "charge_unexpected_state"


def test_a_charge_nobody_knows_is_missing(client: Client) -> None:
    unknown = {"id": "ch_unknown"}
    for answer in (client.capture(unknown), client.void(unknown), client.refund(unknown)):
        assert (answer.status_code, code(answer)) == (404, "resource_missing")


def test_charges_are_found_by_id_and_by_reference(client: Client) -> None:
    charge = client.held(reference=(reference := unique("pay")))
    assert client.http.get(f"/v1/charges/{charge['id']}").json() == charge
    assert client.http.get("/v1/charges", params={"reference": reference}).json() == {"data": [charge]}
    assert client.http.get("/v1/charges", params={"reference": "nobody"}).json() == {"data": []}


_amount = st.none() | st.integers(1, 150)


@given(
    steps=st.lists(
        st.tuples(st.just("capture"), _amount)
        | st.tuples(st.just("refund"), _amount)
        | st.tuples(st.just("void"), st.none())
        | st.tuples(st.sampled_from(["approve", "decline"]), st.none()),
        max_size=8,
    ),
    status=st.sampled_from([ChargeStatus.AUTHORIZED, ChargeStatus.REQUIRES_ACTION]),
)
def test_no_order_of_calls_takes_more_than_was_held_or_returns_more_than_was_taken(
    steps: list[tuple[str, int | None]], status: ChargeStatus
) -> None:
    now = datetime(2030, 1, 1, tzinfo=UTC)
    charge = Charge("ch_1", "pay_1", "key", 100, "EUR", status, now)
    for step, amount in steps:
        changed = _taken(charge, step, amount, now)
        if not isinstance(changed, Refusal):
            charge = changed
        assert 0 <= charge.refunded <= charge.captured <= charge.amount
        assert charge.captured == 0 or charge.status is ChargeStatus.CAPTURED


def _taken(charge: Charge, step: str, amount: int | None, now: datetime) -> Charge | Refusal:
    match step:
        case "capture":
            return charges.capture(charge, amount)
        case "refund":
            return charges.refund(charge, amount)
        case "void":
            return charges.void(charge)
        case _:
            return charges.authenticate(charge, now, approved=step == "approve")


def test_a_customer_who_comes_after_the_deadline_is_declined() -> None:
    deadline = datetime(2030, 1, 1, tzinfo=UTC)
    waiting = Charge("ch_1", "pay_1", "key", 100, "EUR", ChargeStatus.REQUIRES_ACTION, deadline, expires_at=deadline)
    late = charges.authenticate(waiting, deadline, approved=True)
    assert isinstance(late, Charge)
    assert (late.status, late.failure) == (ChargeStatus.DECLINED, charges.AUTHENTICATION_EXPIRED)
