"""Bad input gets a clear, typed error that names the field, and changes nothing (G6)."""

from typing import Any

import httpx
import pytest
from esdbclient import EventStoreDBClient
from gql.transport.exceptions import TransportQueryError

from app.domain.ids import MerchantId, payment_id_for
from tests.support.client import FrontEnd, payment_input
from tests.support.plain_http import NO_CERTIFICATES
from tests.support.stack import Stack

CARD_NUMBER = "4111 1111 1111 1111"


def assert_nothing_was_appended(stack: Stack, idempotency_key: str) -> None:
    payment_id = payment_id_for(MerchantId("demo"), idempotency_key)
    store = EventStoreDBClient(f"esdb://127.0.0.1:{stack.processes()['eventstore']['port']}?tls=false")
    try:
        assert store.get_current_version(f"payment-{payment_id}").name == "NO_STREAM"  # type: ignore[union-attr]
    finally:
        store.close()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"amount": 0}, "amount"),
        ({"amount": -5}, "amount"),
        ({"currency": "EURO"}, "currency"),
        ({"currency": "eur"}, "currency"),
        ({"method": {"card": {"token": ""}}}, "method.card.token"),
        ({"method": {"card": {"token": "not a token"}}}, "method.card.token"),
        ({"method": {"card": {"token": "pm_other_provider"}}}, "method.card.token"),
        ({"method": {"card": {"token": CARD_NUMBER}}}, "method.card.token"),
        ({"method": {"card": {"token": "tok_success", "provider": "nobody"}}}, "method.card.provider"),
        ({"method": {"redirect": {"provider": "sandbox"}}}, "method.redirect.provider"),
        ({"method": {"qr": {"provider": "nobody"}}}, "method.qr.provider"),
        ({"orderId": "no spaces please"}, "orderId"),
        ({"returnUrl": "javascript:alert(1)"}, "returnUrl"),
        ({"expiresIn": 0}, "expiresIn"),
        ({"waitFor": "FINAL", "timeoutMs": 0}, "timeoutMs"),
        ({"description": f"paid with {CARD_NUMBER}"}, "description"),
        ({"metadata": {"note": ["4111111111111111"]}}, "metadata"),
    ],
)
async def test_a_wrong_value_is_named_and_nothing_is_appended(
    client: FrontEnd, stack: Stack, change: dict[str, Any], field: str
) -> None:
    given = {**payment_input(), **change}
    answer = await client.initiate(**given)
    assert (answer["__typename"], answer["field"]) == ("InvalidInput", field)
    assert "4111" not in str(answer)
    assert_nothing_was_appended(stack, given["idempotencyKey"])


@pytest.mark.parametrize("key", ["", "x" * 256, "line\nbreak"])
async def test_a_wrong_idempotency_key_is_named(client: FrontEnd, key: str) -> None:
    answer = await client.initiate(idempotencyKey=key)
    assert (answer["__typename"], answer["field"]) == ("InvalidInput", "idempotencyKey")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"amount": "4111111111111111"}, "input.amount"),
        ({"amount": 1.5}, "input.amount"),
        ({"amount": 2**31}, "input.amount"),
        ({"amount": None}, "input.amount"),
        ({"currency": 7}, "input.currency"),
        ({"method": {}}, "input.method"),
        ({"method": {"card": {"token": "tok_success"}, "qr": {"provider": "sandbox"}}}, "input.method"),
        ({"colour": "tok_success"}, "colour"),
    ],
)
async def test_a_value_of_the_wrong_type_is_named_without_being_repeated(
    client: FrontEnd, stack: Stack, change: dict[str, Any], named: str
) -> None:
    given = {**payment_input(), **change}
    with pytest.raises(TransportQueryError) as refusal:
        await client.initiate(**given)
    assert named in str(refusal.value)
    assert "4111" not in str(refusal.value)
    assert "tok_success" not in str(refusal.value)
    assert_nothing_was_appended(stack, given["idempotencyKey"])


async def test_an_unknown_payment_is_null_to_a_query_and_an_error_to_a_subscription(client: FrontEnd) -> None:
    assert await client.payment("pay_unknown") is None
    with pytest.raises(TransportQueryError, match="there is no such payment"):
        await client.watch("pay_unknown")
    for command, given in (
        ("capturePayment", {}),
        ("cancelPayment", {}),
        ("refundPayment", {"idempotencyKey": "k"}),
    ):
        answer = await client.run(command, paymentId="pay_unknown", **given)
        assert answer["__typename"] == "PaymentNotFound"


async def test_an_id_that_cannot_be_one_is_named(client: FrontEnd) -> None:
    assert await client.payment("a@b $ce-payment") is None
    answer = await client.run("cancelPayment", paymentId="a@b $ce-payment")
    assert (answer["__typename"], answer["field"]) == ("InvalidInput", "paymentId")


async def test_a_position_ahead_of_the_payment_is_an_error_with_the_head(client: FrontEnd) -> None:
    payment_id = await client.begin()
    head = (await client.watch(payment_id))[-1]["version"]
    with pytest.raises(TransportQueryError) as refusal:
        await client.watch(payment_id, after=head + 2)
    (error,) = refusal.value.errors or []
    # After the last change that clients see, the card's token is erased: that moves the stream by one.
    assert error["extensions"].pop("head") in (head, head + 1)
    assert error["extensions"] == {"code": "POSITION_AHEAD", "field": "after"}


async def test_a_command_that_the_status_forbids_says_so(client: FrontEnd) -> None:
    payment_id = await client.begin("tok_decline")
    await client.watch(payment_id)
    for command, given in (
        ("capturePayment", {}),
        ("cancelPayment", {}),
        ("refundPayment", {"idempotencyKey": "k"}),
    ):
        answer = await client.run(command, paymentId=payment_id, **given)
        assert (answer["__typename"], answer["status"]) == ("IllegalTransition", "FAILED")


async def test_more_than_was_taken_cannot_be_refunded(client: FrontEnd) -> None:
    payment_id = await client.begin()
    await client.watch(payment_id)
    answer = await client.run("refundPayment", paymentId=payment_id, idempotencyKey="k", amount=5000)
    assert (answer["__typename"], answer["field"]) == ("InvalidInput", "amount")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "MALFORMED_JSON"),
        (b"", 400, "MALFORMED_JSON"),
        (b"\xff\xfe", 400, "MALFORMED_JSON"),
        (b'{"query": NaN}', 400, "MALFORMED_JSON"),
        (b"[" * 5_000, 400, "MALFORMED_JSON"),
        (b"null", 400, "MALFORMED_REQUEST"),
        (b"[]", 400, "MALFORMED_REQUEST"),
        (b'"query"', 400, "MALFORMED_REQUEST"),
        (b"{}", 400, "MALFORMED_REQUEST"),
        (b'{"query": 1}', 400, "MALFORMED_REQUEST"),
        (b'{"query": "{__typename}", "variables": []}', 400, "MALFORMED_REQUEST"),
        (b'{"query": "{__typename}", "operationName": {}}', 400, "MALFORMED_REQUEST"),
        (b'{"query": "' + b"x" * 70_000 + b'"}', 413, "TOO_LARGE"),
    ],
)
def test_a_body_that_is_no_graphql_request_is_refused_in_kind(
    stack: Stack, body: bytes, status: int, code: str
) -> None:
    headers = {"content-type": "application/json"}
    answer = httpx.post(stack.url, content=body, headers=headers, timeout=10, trust_env=False, verify=NO_CERTIFICATES)
    assert answer.status_code == status
    assert answer.json()["errors"][0]["extensions"]["code"] == code
    gateway = [line for line in stack.log().splitlines() if line.startswith("gateway")]
    assert not any("Traceback" in line for line in gateway)


async def test_a_card_number_or_token_reaches_no_log(client: FrontEnd, stack: Stack) -> None:
    await client.initiate(method={"card": {"token": "4242424242424242"}})
    secret = "tok_nobody_may_see_this"
    values = await client.watch(await client.begin(secret))
    assert values[-1]["status"] == "FAILED"
    assert "4242424242424242" not in stack.log()
    assert secret not in stack.log()


def test_a_mutation_does_not_go_by_get(stack: Stack) -> None:
    parameters: dict[str, str] = {"query": 'mutation { cancelPayment(input: {paymentId: "x"}) { __typename } }'}
    answer = httpx.get(stack.url, params=parameters, timeout=10, trust_env=False, verify=NO_CERTIFICATES)
    assert answer.status_code in {400, 405}
