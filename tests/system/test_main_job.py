"""A front end pays by card and watches the payment to its end."""

import asyncio

import httpx
import pytest

from tests.support.client import FrontEnd, assert_unbroken, front_end, payment_input, statuses
from tests.support.plain_http import NO_CERTIFICATES
from tests.support.stack import Stack
from tests.support.waiting import eventually


async def test_a_payment_is_seen_from_initiated_to_succeeded_and_then_the_subscription_completes(
    client: FrontEnd, stack: Stack
) -> None:
    payment_id = await client.begin("tok_success")
    values = await client.watch(payment_id)
    assert statuses(values) == ["INITIATED", "PROCESSING", "SUCCEEDED"]
    assert values[0]["previousVersion"] is None
    assert_unbroken(values)
    assert stack.charges(payment_id) == ["authorize", "capture"]


@pytest.mark.parametrize(
    ("token", "code"),
    [
        ("tok_decline", "card_declined"),
        ("tok_insufficient_funds", "insufficient_funds"),
        ("tok_nobody_knows", "invalid_token"),
    ],
)
async def test_a_refused_card_ends_in_failed_with_the_providers_code(client: FrontEnd, token: str, code: str) -> None:
    values = await client.watch(await client.begin(token))
    assert statuses(values) == ["INITIATED", "PROCESSING", "FAILED"]
    assert values[-1]["failure"]["code"] == code
    assert_unbroken(values)


@pytest.mark.parametrize("token", ["tok_slow", "tok_flaky", "tok_timeout"])
async def test_a_provider_that_is_slow_flaky_or_silent_charges_once(client: FrontEnd, stack: Stack, token: str) -> None:
    payment_id = await client.begin(token)
    values = await client.watch(payment_id)
    assert statuses(values) == ["INITIATED", "PROCESSING", "SUCCEEDED"]
    assert_unbroken(values)
    assert stack.charges(payment_id) == ["authorize", "capture"]


async def test_fifty_subscribers_of_one_payment_see_the_same_sequence(client: FrontEnd, stack: Stack) -> None:
    payment_id = await client.begin("tok_slow")
    async with front_end(stack) as other:
        everyone = [client if number % 2 else other for number in range(50)]
        sequences = await asyncio.gather(*(each.watch(payment_id) for each in everyone))
    assert statuses(sequences[0]) == ["INITIATED", "PROCESSING", "SUCCEEDED"]
    assert_unbroken(sequences[0])
    assert all(sequence == sequences[0] for sequence in sequences)


async def test_a_subscription_resumes_after_the_version_a_client_has(client: FrontEnd) -> None:
    payment_id = await client.begin()
    everything = await client.watch(payment_id)
    for seen, value in enumerate(everything, start=1):
        assert await client.watch(payment_id, after=value["version"]) == everything[seen:]


async def test_a_subscription_without_a_position_begins_with_the_present_state(client: FrontEnd) -> None:
    payment_id = await client.begin()
    everything = await client.watch(payment_id)
    assert await client.watch(payment_id, after=None) == everything[-1:]


async def test_a_client_that_subscribes_only_after_the_customer_has_paid_misses_nothing(client: FrontEnd) -> None:
    payment_id = await client.begin("tok_authenticate")
    seen = []
    async for value in client.values(payment_id):
        seen.append(value)
        if value["status"] == "REQUIRES_ACTION":
            await _approve(value["action"]["url"])
    assert statuses(seen)[:3] == ["INITIATED", "PROCESSING", "REQUIRES_ACTION"]
    assert statuses(seen)[3:] == ["PROCESSING", "SUCCEEDED"]
    assert_unbroken(seen)


async def _approve(url: str) -> None:
    async with httpx.AsyncClient(trust_env=False, verify=NO_CERTIFICATES) as browser:
        answer = await browser.post(url, data={"decision": "approve"})
        assert answer.status_code < 400


async def test_a_customer_comes_back_by_our_page_which_trusts_nothing_the_browser_brings(
    client: FrontEnd, stack: Stack
) -> None:
    method = {"card": {"token": "tok_authenticate"}}
    answer = await client.initiate(method=method, waitFor="ACTION_OR_FINAL", timeoutMs=20_000)
    payment_id = answer["payment"]["id"]
    page = stack.url.replace("/graphql", f"/return/{payment_id}")
    async with httpx.AsyncClient(trust_env=False, verify=NO_CERTIFICATES) as browser:
        waiting = await browser.get(page, params={"status": "success", "resultCode": "0"})
        assert "Waiting for the payment" in waiting.text
        assert (await client.payment(payment_id))["status"] == "REQUIRES_ACTION"
        approved = await browser.post(answer["payment"]["action"]["url"], data={"decision": "approve"})
        assert approved.headers["location"] == page
        assert statuses(await client.watch(payment_id))[-1] == "SUCCEEDED"
        assert "Payment received" in (await browser.get(page)).text
        assert (await browser.get(page.replace(payment_id, "pay_unknown"))).status_code == 404


async def test_a_customer_is_sent_on_to_the_shop(client: FrontEnd, stack: Stack) -> None:
    payment_id = await client.begin("tok_success", returnUrl="https://shop.test/done?order=1")
    async with httpx.AsyncClient(trust_env=False, verify=NO_CERTIFICATES) as browser:
        answer = await browser.get(stack.url.replace("/graphql", f"/return/{payment_id}"))
    assert (answer.status_code, answer.headers["location"]) == (
        303,
        f"https://shop.test/done?order=1&payment_id={payment_id}",
    )


async def test_a_held_answer_comes_with_the_final_status(client: FrontEnd) -> None:
    answer = await client.initiate(waitFor="FINAL", timeoutMs=20_000)
    assert answer["payment"]["status"] == "SUCCEEDED"


async def test_a_held_answer_comes_when_its_time_is_up(client: FrontEnd) -> None:
    answer = await client.initiate(method={"card": {"token": "tok_slow"}}, waitFor="FINAL", timeoutMs=50)
    assert answer["payment"]["status"] in {"INITIATED", "PROCESSING"}


async def test_a_held_answer_comes_when_the_customer_is_needed(client: FrontEnd) -> None:
    method = {"card": {"token": "tok_authenticate"}}
    answer = await client.initiate(method=method, waitFor="ACTION_OR_FINAL", timeoutMs=20_000)
    assert answer["payment"]["status"] == "REQUIRES_ACTION"
    assert answer["payment"]["action"]["url"].startswith("http")


async def test_held_funds_are_captured_and_refunded_on_command(client: FrontEnd, stack: Stack) -> None:
    answer = await client.initiate(capture="MANUAL", waitFor="ACTION_OR_FINAL", timeoutMs=20_000)
    payment_id = answer["payment"]["id"]
    assert answer["payment"]["status"] == "AUTHORIZED"
    captured = await client.run("capturePayment", paymentId=payment_id, amount=4000)
    assert captured["payment"]["status"] == "PROCESSING"
    values = await client.watch(payment_id)
    assert statuses(values) == ["INITIATED", "PROCESSING", "AUTHORIZED", "PROCESSING", "SUCCEEDED"]
    await client.run("refundPayment", paymentId=payment_id, idempotencyKey="r1", amount=1000)
    await client.run("refundPayment", paymentId=payment_id, idempotencyKey="r1", amount=1000)
    await _status(client, payment_id, "PARTIALLY_REFUNDED")
    await client.run("refundPayment", paymentId=payment_id, idempotencyKey="r2")
    refunded = await _status(client, payment_id, "REFUNDED")
    assert refunded["refundedAmount"]["amount"] == 4000
    assert stack.charges(payment_id) == ["authorize", "capture", "refund", "refund"]
    assert_unbroken(await client.watch(payment_id))


async def test_held_funds_are_released_when_the_payment_is_cancelled(client: FrontEnd, stack: Stack) -> None:
    answer = await client.initiate(capture="MANUAL", waitFor="ACTION_OR_FINAL", timeoutMs=20_000)
    payment_id = answer["payment"]["id"]
    await client.run("cancelPayment", paymentId=payment_id)
    values = await client.watch(payment_id)
    assert statuses(values)[-1] == "CANCELLED"
    assert stack.charges(payment_id) == ["authorize", "void"]


async def test_a_payment_that_nobody_authenticates_expires(client: FrontEnd) -> None:
    values = await client.watch(await client.begin("tok_authenticate", expiresIn=1))
    assert statuses(values)[-1] == "EXPIRED"
    assert_unbroken(values)


async def test_payments_are_listed_newest_first_page_by_page(client: FrontEnd) -> None:
    order = f"order-{payment_input()['idempotencyKey']}"
    begun = [await client.begin(orderId=order) for _ in range(5)]
    document = """query List($order: ID, $after: String) {
      payments(first: 2, after: $after, orderId: $order) { nodes { id } pageInfo { hasNextPage endCursor } } }"""

    async def all_listed() -> bool:
        everything = "query All($order: ID) { payments(orderId: $order) { nodes { id } } }"
        return len((await client.send(everything, order=order))["nodes"]) == 5

    await eventually(all_listed, what="the list of payments")
    listed: list[str] = []
    page = {"pageInfo": {"hasNextPage": True, "endCursor": None}}
    while page["pageInfo"]["hasNextPage"]:
        page = await client.send(document, order=order, after=page["pageInfo"]["endCursor"])
        listed += [node["id"] for node in page["nodes"]]
    assert listed == begun[::-1]


async def _status(client: FrontEnd, payment_id: str, status: str) -> dict[str, dict[str, int]]:
    async def reached() -> dict[str, dict[str, int]] | None:
        payment: dict[str, dict[str, int]] = await client.payment(payment_id)
        return payment if str(payment["status"]) == status else None

    return await eventually(reached, what=status)


async def test_the_gateway_tells_what_it_does_in_metrics(client: FrontEnd, stack: Stack) -> None:
    await client.watch(await client.begin())
    async with httpx.AsyncClient(trust_env=False, verify=NO_CERTIFICATES) as scraper:
        metrics = (await scraper.get(stack.url.replace("/graphql", "/metrics"))).text
    accepted = next(line for line in metrics.splitlines() if line.startswith("paygate_payments_accepted_total "))
    assert float(accepted.split()[1]) >= 1
    assert "paygate_live_watchers" in metrics
    assert "pay_" not in metrics.replace("paygate_", "").replace("payments_", "")
