"""Stripe's own library takes the simulator for Stripe, in everything that the connector asks of it."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import stripe
from stripe.params import PaymentIntentCreateParams

from app.laptop.sandbox.stripe.protocol import PUBLISHABLE_KEY, SECRET_KEY
from tests.sandbox.client import unique
from tests.support.sandbox_process import SandboxProcess

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content:DeprecationWarning")  # what the library does with httpx

Client = stripe.StripeClient


@pytest.fixture
async def transport() -> AsyncIterator[stripe.HTTPXClient]:
    client = stripe.HTTPXClient()
    yield client
    await client.close_async()  # type: ignore[no-untyped-call]


@pytest.fixture
def official(shared: SandboxProcess, transport: stripe.HTTPXClient) -> Client:
    return client_of(shared, transport, SECRET_KEY)


@pytest.fixture
def browser(shared: SandboxProcess, transport: stripe.HTTPXClient) -> Client:
    return client_of(shared, transport, PUBLISHABLE_KEY)


def client_of(shared: SandboxProcess, transport: stripe.HTTPXClient, key: str) -> Client:
    addresses: Any = {"api": f"{shared.url}/stripe"}
    return Client(key, base_addresses=addresses, max_network_retries=0, http_client=transport)


def wanted(card: str | None = "pm_card_visa", payment_id: str = "") -> PaymentIntentCreateParams:
    params: PaymentIntentCreateParams = {
        "amount": 4200,
        "currency": "eur",
        "capture_method": "manual",
        "allowed_payment_method_types": ["card"],
        "metadata": {"payment_id": payment_id},
    }
    if card is not None:
        params |= {"confirm": True, "payment_method": card, "return_url": "https://shop.test/back"}
    return params


async def test_a_payment_from_its_beginning_to_its_refund(official: Client, shared: SandboxProcess) -> None:
    payment_id = unique("pay")
    intents, key = official.v1.payment_intents, payment_id
    held = await intents.create_async(wanted(payment_id=payment_id), {"idempotency_key": key})
    assert (held.status, held.amount_capturable) == ("requires_capture", 4200)
    assert (await intents.create_async(wanted(payment_id=payment_id), {"idempotency_key": key})).id == held.id

    found = await intents.search_async({"query": f"metadata['payment_id']:'{payment_id}'"})
    assert [intent.id for intent in found.data] == [held.id]
    assert (await intents.retrieve_async(held.id)).status == "requires_capture"

    taken = await intents.capture_async(held.id, {"amount_to_capture": 4000}, {"idempotency_key": f"{key}.c"})
    assert (taken.status, taken.amount_received) == ("succeeded", 4000)
    given_back = await official.v1.refunds.create_async(
        {"payment_intent": held.id, "amount": 1000, "metadata": {"refund_key": "1"}}, {"idempotency_key": f"{key}.r"}
    )
    assert given_back.status == "succeeded"
    assert [one.id for one in (await official.v1.refunds.list_async({"payment_intent": held.id})).data] == [
        given_back.id
    ]
    events = await official.v1.events.list_async({"limit": 100})
    told = [event.type for event in events.data if held.id in str(event.data.object)]
    assert told[::-1] == [
        "payment_intent.amount_capturable_updated",
        "payment_intent.succeeded",
        "refund.created",
    ]
    assert [movement["amount"] for movement in shared.ledger(payment_id)] == [4200, 4000, 1000]


async def test_a_decline_is_a_card_error_with_the_intent(official: Client) -> None:
    with pytest.raises(stripe.CardError) as caught:
        await official.v1.payment_intents.create_async(wanted("pm_card_visa_chargeDeclinedInsufficientFunds"))
    error = caught.value.error
    assert error is not None
    assert (error.code, error.decline_code) == ("card_declined", "insufficient_funds")
    assert error.payment_intent is not None
    assert error.payment_intent.status == "requires_payment_method"


async def test_a_card_that_wants_its_holder(official: Client) -> None:
    intent = await official.v1.payment_intents.create_async(wanted("pm_card_threeDSecure2Required"))
    assert intent.status == "requires_action"
    assert intent.next_action is not None
    assert intent.next_action.redirect_to_url is not None
    assert intent.next_action.redirect_to_url.return_url == "https://shop.test/back"
    ended = await official.v1.payment_intents.cancel_async(intent.id, {"cancellation_reason": "abandoned"})
    assert (ended.status, ended.cancellation_reason) == ("canceled", "abandoned")


async def test_a_browser_confirms_what_it_knows_the_secret_of(official: Client, browser: Client) -> None:
    made = await official.v1.payment_intents.create_async(wanted(None))
    assert made.client_secret is not None
    secret: Any = {"client_secret": made.client_secret, "payment_method": "pm_card_visa"}
    with pytest.raises(stripe.InvalidRequestError):
        await browser.v1.payment_intents.confirm_async(made.id, secret | {"client_secret": "another"})
    with pytest.raises(stripe.PermissionError):
        await browser.v1.payment_intents.cancel_async(made.id)
    assert (await browser.v1.payment_intents.confirm_async(made.id, secret)).status == "requires_capture"


async def test_a_key_stands_for_one_request(official: Client) -> None:
    options: Any = {"idempotency_key": unique("key")}
    await official.v1.payment_intents.create_async(wanted(), options)
    with pytest.raises(stripe.IdempotencyError):
        await official.v1.payment_intents.create_async({**wanted(), "amount": 1}, options)


async def test_an_error_is_replayed_and_has_held_the_money_once(official: Client, shared: SandboxProcess) -> None:
    payment_id, options = unique("pay"), {"idempotency_key": unique("key")}
    for _ in range(2):
        with pytest.raises(stripe.APIError) as caught:
            await official.v1.payment_intents.create_async(wanted("pm_card_sandboxError", payment_id), options)  # type: ignore[arg-type]
        assert caught.value.http_status == 500
    assert len(shared.charges(payment_id)) == 1


async def test_what_the_state_forbids_is_refused(official: Client) -> None:
    intents = official.v1.payment_intents
    held = await intents.create_async(wanted())
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await intents.capture_async(held.id, {"amount_to_capture": 4201})
    assert caught.value.code == "amount_too_large"
    await intents.cancel_async(held.id)
    for calling in (intents.capture_async(held.id), intents.cancel_async(held.id), intents.confirm_async(held.id)):
        with pytest.raises(stripe.InvalidRequestError) as caught:
            await calling
        assert caught.value.code == "payment_intent_unexpected_state"


async def test_without_the_right_key_nothing_is_answered(shared: SandboxProcess, transport: stripe.HTTPXClient) -> None:
    with pytest.raises(stripe.AuthenticationError):
        await client_of(shared, transport, "sk_test_of_another").v1.payment_intents.create_async(wanted())
