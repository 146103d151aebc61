"""Each way to pay, through GraphQL, with its provider's simulator: what customers do, and what webhooks do."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from app.domain.ids import PaymentId
from app.domain.transfer_codes import transfer_code_for
from tests.support.client import FrontEnd, assert_unbroken, statuses
from tests.support.plain_http import NO_CERTIFICATES
from tests.support.stack import Stack
from tests.support.waiting import eventually

PAID = ["INITIATED", "PROCESSING", "REQUIRES_ACTION", "PROCESSING", "SUCCEEDED"]


@dataclass(frozen=True)
class Way:
    """What is asked for, and what the provider can do."""

    name: str
    amount: int
    currency: str
    method: Mapping[str, Any]
    presses: frozenset[str] = frozenset({"decline", "cancel", "expire"})
    """What a customer can do on the provider's page beside approving, that ends the payment there."""
    holds: bool = False
    refunds: bool = True
    takes_money: str | None = None
    """The call that takes the money; a webhook need not wait for its answer. None: the customer takes it there."""

    @property
    def given(self) -> dict[str, Any]:
        """The input."""
        return {"amount": self.amount, "currency": self.currency, "method": self.method}


AUTHENTICATED = {"card": {"provider": "stripe", "token": "pm_card_authenticationRequired"}}
WAYS = {
    way.name: way
    for way in (
        Way("stripe", 4999, "EUR", AUTHENTICATED, frozenset({"decline"}), holds=True, takes_money="capture"),
        Way(
            "paypal",
            4999,
            "EUR",
            {"redirect": {"provider": "paypal"}},
            frozenset({"decline", "expire"}),
            holds=True,
            takes_money="capture",
        ),
        Way("momo", 200_000, "VND", {"redirect": {"provider": "momo"}}, holds=True),
        # ZaloPay tells a cancellation and a refusal alike.
        Way("zalopay", 200_000, "VND", {"redirect": {"provider": "zalopay"}}, frozenset({"decline", "expire"})),
        Way("vnpay", 200_000, "VND", {"redirect": {"provider": "vnpay"}}),
        Way("vietqr", 200_000, "VND", {"qr": {"provider": "vietqr"}}, frozenset(), refunds=False),
    )
}


def ways(admitted: Callable[[Way], bool]) -> pytest.MarkDecorator:
    """The test is about those ways."""
    return pytest.mark.parametrize("way", [way for way in WAYS.values() if admitted(way)], ids=lambda way: way.name)


every_way = ways(lambda _: True)
ways_with_a_page = ways(lambda way: "qr" not in way.method)
ways_to_call_off = ways(lambda way: "cancel" in way.presses)
ways_that_hold = ways(lambda way: way.holds)
ways_that_refund = ways(lambda way: way.refunds)
ways_that_take_by_a_call = ways(lambda way: way.takes_money is not None)


async def at_once(those: Iterable[Way], story: Callable[[Way], Awaitable[None]]) -> None:
    """Where much has to be waited for: of each way the same story, which has nothing to do with those of the others."""

    async def told(way: Way) -> None:
        try:
            await story(way)
        except Exception as fault:
            fault.add_note(f"way: {way.name}")
            raise

    async with asyncio.TaskGroup() as stories:
        for way in those:
            stories.create_task(told(way))


class Customer:
    """Somebody with a browser, or with their bank's app."""

    def __init__(self, stack: Stack) -> None:
        self._sandbox = f"http://127.0.0.1:{stack.processes()['sandbox']['port']}"
        self._browser = httpx.AsyncClient(trust_env=False, verify=NO_CERTIFICATES, timeout=20)

    async def does(self, what: str, action: dict[str, str]) -> httpx.Response:
        """Opens the page of an action and presses a button; or scans a code and pays, or does not."""
        if action["__typename"] == "QrAction":
            return await self._browser.post(f"{self._sandbox}/vietqr/bank", data={"payload": action["payload"]})
        await self._browser.get(action["url"])
        return await self._browser.post(action["url"], data={"decision": what})

    async def fault(self, provider: str, fault: str, call: str = "notice") -> None:
        """What goes wrong next at the provider."""
        script = {"provider": provider, "call": call, "fault": fault}
        (await self._browser.post(f"{self._sandbox}/faults", json=script)).raise_for_status()

    async def close(self) -> None:
        """Go away."""
        await self._browser.delete(f"{self._sandbox}/faults")
        await self._browser.aclose()


@pytest.fixture
async def customer(stack: Stack) -> Any:
    somebody = Customer(stack)
    yield somebody
    await somebody.close()


async def begun(client: FrontEnd, way: Way, **changes: Any) -> tuple[str, dict[str, str]]:
    """A payment that waits for its customer, and what it asks for."""
    answer = await client.initiate(**way.given, **changes, waitFor="ACTION_OR_FINAL", timeoutMs=30_000)
    assert answer["__typename"] == "PaymentAccepted", answer
    payment = answer["payment"]
    assert payment["status"] == "REQUIRES_ACTION", payment
    return payment["id"], payment["action"]


def moved(stack: Stack, payment_id: str, operation: str) -> list[int]:
    """The amounts that were moved for a payment at its provider."""
    names = {payment_id, transfer_code_for(PaymentId(payment_id))}
    return [
        movement["amount"]
        for movement in stack.ledger()
        if movement["reference"] in names and movement["operation"] == operation
    ]


@every_way
async def test_a_customer_pays(client: FrontEnd, customer: Customer, stack: Stack, way: Way) -> None:
    payment_id, action = await begun(client, way)
    await customer.does("approve", action)
    values = await client.watch(payment_id)
    assert statuses(values) == PAID
    assert_unbroken(values)
    assert moved(stack, payment_id, "capture") == [way.amount]


@ways_with_a_page
async def test_a_customer_comes_back_by_our_page(client: FrontEnd, customer: Customer, stack: Stack, way: Way) -> None:
    payment_id, action = await begun(client, way)
    answer = await customer.does("approve", action)
    assert answer.status_code in (302, 303)
    assert answer.headers["location"].startswith(stack.url.replace("/graphql", f"/return/{payment_id}"))


@every_way
async def test_the_merchant_calls_it_off(client: FrontEnd, stack: Stack, way: Way) -> None:
    payment_id, _ = await begun(client, way)
    await client.run("cancelPayment", paymentId=payment_id)
    assert statuses(await client.watch(payment_id))[-1] == "CANCELLED"
    assert moved(stack, payment_id, "capture") == []


@ways_to_call_off
async def test_the_customer_calls_it_off(client: FrontEnd, customer: Customer, stack: Stack, way: Way) -> None:
    payment_id, action = await begun(client, way)
    await customer.does("cancel", action)
    assert statuses(await client.watch(payment_id))[-1] == "CANCELLED"
    assert moved(stack, payment_id, "capture") == []


async def test_a_customer_who_is_refused_has_not_paid(client: FrontEnd, customer: Customer, stack: Stack) -> None:
    async def story(way: Way) -> None:
        payment_id, action = await begun(client, way)
        await customer.does("decline", action)
        values = await client.watch(payment_id)
        assert statuses(values)[-1] == "FAILED"
        assert values[-1]["failure"]["code"]
        assert moved(stack, payment_id, "capture") == []

    await at_once([way for way in WAYS.values() if "decline" in way.presses], story)


async def test_a_customer_who_is_too_late_has_not_paid(client: FrontEnd, customer: Customer, stack: Stack) -> None:
    async def story(way: Way) -> None:
        payment_id, action = await begun(client, way)
        await customer.does("expire", action)
        assert statuses(await client.watch(payment_id))[-1] == "EXPIRED"
        assert moved(stack, payment_id, "capture") == []

    await at_once([way for way in WAYS.values() if "expire" in way.presses], story)


@ways_that_take_by_a_call
async def test_a_webhook_that_overtakes_the_answer_counts_once(
    client: FrontEnd, customer: Customer, stack: Stack, way: Way
) -> None:
    payment_id, action = await begun(client, way)
    await customer.fault(way.name, "slow", str(way.takes_money))
    await customer.does("approve", action)
    values = await client.watch(payment_id)
    assert statuses(values) == PAID
    assert_unbroken(values)
    assert moved(stack, payment_id, "capture") == [way.amount]


async def test_a_lost_webhook_is_made_good_by_asking(client: FrontEnd, customer: Customer, stack: Stack) -> None:
    async def story(way: Way) -> None:
        payment_id, action = await begun(client, way)
        for _ in range(3):
            await customer.fault(way.name, "notice_lost")
        await customer.does("approve", action)
        assert statuses(await client.watch(payment_id)) == PAID
        assert moved(stack, payment_id, "capture") == [way.amount]

    await at_once(WAYS.values(), story)


@every_way
async def test_a_webhook_that_comes_twice_counts_once(
    client: FrontEnd, customer: Customer, stack: Stack, way: Way
) -> None:
    payment_id, action = await begun(client, way)
    await customer.fault(way.name, "notice_twice")
    await customer.does("approve", action)
    values = await client.watch(payment_id)
    assert statuses(values) == PAID
    assert_unbroken(values)
    assert moved(stack, payment_id, "capture") == [way.amount]


async def test_a_late_webhook_changes_nothing_any_more(client: FrontEnd, customer: Customer) -> None:
    async def story(way: Way) -> None:
        payment_id, action = await begun(client, way)
        await customer.fault(way.name, "notice_late")
        await customer.does("approve", action)
        assert statuses(await client.watch(payment_id)) == PAID

    await at_once(WAYS.values(), story)


@ways_that_refund
async def test_money_goes_back_in_part_and_then_all_of_it(
    client: FrontEnd, customer: Customer, stack: Stack, way: Way
) -> None:
    payment_id, action = await begun(client, way)
    await customer.does("approve", action)
    await client.watch(payment_id)
    part = way.amount // 4
    await client.run("refundPayment", paymentId=payment_id, idempotencyKey="part", amount=part)
    await reaches(client, payment_id, "PARTIALLY_REFUNDED")
    await client.run("refundPayment", paymentId=payment_id, idempotencyKey="rest")
    await reaches(client, payment_id, "REFUNDED")
    assert moved(stack, payment_id, "refund") == [part, way.amount - part]


@ways_that_hold
async def test_held_money_is_taken_when_the_merchant_says_so(
    client: FrontEnd, customer: Customer, stack: Stack, way: Way
) -> None:
    payment_id, action = await begun(client, way, capture="MANUAL")
    await customer.does("approve", action)
    await reaches(client, payment_id, "AUTHORIZED")
    await client.run("capturePayment", paymentId=payment_id)
    assert statuses(await client.watch(payment_id))[-1] == "SUCCEEDED"
    assert moved(stack, payment_id, "capture") == [way.amount]


@ways_that_hold
async def test_held_money_is_released_when_the_merchant_says_so(
    client: FrontEnd, customer: Customer, stack: Stack, way: Way
) -> None:
    payment_id, action = await begun(client, way, capture="MANUAL")
    await customer.does("approve", action)
    await reaches(client, payment_id, "AUTHORIZED")
    await client.run("cancelPayment", paymentId=payment_id)
    assert statuses(await client.watch(payment_id))[-1] == "CANCELLED"
    assert moved(stack, payment_id, "capture") == []
    assert moved(stack, payment_id, "void") == [way.amount]


async def reaches(client: FrontEnd, payment_id: str, status: str) -> None:
    """Wait for a status that is not the end."""

    async def reached() -> bool:
        return bool((await client.payment(payment_id))["status"] == status)

    await eventually(reached, what=status)
