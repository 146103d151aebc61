"""A customer orders, pays, tries again, changes their mind; the order and its payments agree in the end."""

from typing import Any

import httpx
import pytest

from tests.support.client import FrontEnd, assert_unbroken, statuses
from tests.support.orders import cancel, card, find, order_input, place, watch
from tests.support.plain_http import NO_CERTIFICATES
from tests.support.stack import Stack
from tests.support.waiting import eventually


async def settled(client: FrontEnd, order_id: str, **attempts: str) -> Any:
    """The order once its payments have come to what `attempts` says, by payment id."""
    seen: list[Any] = []

    async def as_expected() -> bool:
        seen.append(await find(client, order_id))
        return {each["paymentId"]: each["status"] for each in seen[-1]["attempts"]} == attempts

    await eventually(as_expected, what=f"order {order_id} with {attempts}")
    return seen[-1]


async def test_an_order_is_confirmed_when_its_money_is_safe(client: FrontEnd, stack: Stack) -> None:
    accepted = await place(client)
    assert accepted["__typename"] == "OrderAccepted"
    order, payment = accepted["order"], accepted["payment"]
    assert (order["status"], order["total"]["formatted"], order["paymentId"]) == ("PENDING", "11.20 EUR", payment["id"])
    values = await watch(client, order["id"])
    assert statuses(values) == ["PENDING", "PENDING", "CONFIRMED"]
    assert_unbroken(values)
    assert values[-1]["payment"] == {"id": payment["id"], "status": "SUCCEEDED", "orderId": order["id"]}
    assert values[-1]["attempts"] == [{"paymentId": payment["id"], "status": "PAID"}]
    assert stack.charges(payment["id"]) == ["authorize", "capture"]


async def test_an_order_whose_payment_fails_is_rejected(client: FrontEnd) -> None:
    order = (await place(client, method=card("tok_decline")))["order"]
    values = await watch(client, order["id"])
    assert values[-1]["status"] == "REJECTED"
    assert values[-1]["reason"] == "payment_failed"
    assert values[-1]["payment"]["status"] == "FAILED"
    assert_unbroken(values)


async def test_an_order_with_time_left_is_paid_by_another_payment_after_the_first_has_failed(
    client: FrontEnd, stack: Stack
) -> None:
    order = (await place(client, method=card("tok_decline"), expiresIn=600))["order"]
    first = order["paymentId"]
    waiting = await settled(client, order["id"], **{first: "ENDED"})
    assert waiting["status"] == "PENDING"
    answer = await client.initiate(amount=1120, orderId=order["id"])
    second = answer["payment"]["id"]
    values = await watch(client, order["id"])
    assert values[-1]["status"] == "CONFIRMED"
    assert values[-1]["attempts"] == [
        {"paymentId": first, "status": "ENDED"},
        {"paymentId": second, "status": "PAID"},
    ]
    assert_unbroken(values)
    assert stack.charges(second) == ["authorize", "capture"]
    refused = await client.initiate(amount=1120, orderId=order["id"])
    assert (refused["field"], refused["code"]) == ("orderId", "order_not_payable")


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"amount": 1119}, "amount", "not_the_orders_total"),
        ({"amount": 1120, "currency": "USD"}, "currency", "not_the_orders_total"),
    ],
)
async def test_another_payment_of_an_order_is_of_its_total(
    client: FrontEnd, changes: dict[str, Any], field: str, code: str
) -> None:
    order = (await place(client, method=card("tok_decline"), expiresIn=600))["order"]
    await settled(client, order["id"], **{order["paymentId"]: "ENDED"})
    refused = await client.initiate(orderId=order["id"], **changes)
    assert (refused["__typename"], refused["field"], refused["code"]) == ("InvalidInput", field, code)


async def test_while_a_payment_is_under_way_another_is_refused(client: FrontEnd) -> None:
    order = (await place(client, method=card("tok_authenticate"), expiresIn=600))["order"]
    refused = await client.initiate(amount=1120, orderId=order["id"])
    assert (refused["field"], refused["code"]) == ("orderId", "order_not_payable")


async def test_an_order_cancelled_while_the_customer_is_asked_takes_no_money(client: FrontEnd, stack: Stack) -> None:
    accepted = await place(client, method=card("tok_authenticate"), waitFor="ACTION_OR_FINAL")
    order, payment = accepted["order"], accepted["payment"]
    assert payment["status"] == "REQUIRES_ACTION"
    cancelled = await cancel(client, order["id"], reason="changed my mind")
    assert cancelled["order"]["status"] == "CANCELLED"
    undone = await settled(client, order["id"], **{payment["id"]: "ENDED"})
    assert undone["payment"]["status"] == "CANCELLED"
    assert "capture" not in stack.charges(payment["id"])


async def test_money_that_was_on_its_way_when_the_order_was_cancelled_comes_back(
    client: FrontEnd, stack: Stack
) -> None:
    accepted = await place(client, method=card("tok_slow"))
    order, payment = accepted["order"], accepted["payment"]
    assert (await cancel(client, order["id"]))["order"]["status"] == "CANCELLED"

    async def undone() -> bool:
        return (await client.payment(payment["id"]))["status"] in ("CANCELLED", "REFUNDED")

    await eventually(undone, what="the payment undone")
    taken = stack.charges(payment["id"]).count("capture")
    assert stack.charges(payment["id"]).count("refund") == taken
    assert (await watch(client, order["id"]))[-1]["status"] == "CANCELLED"


async def test_an_order_is_cancelled_once(client: FrontEnd) -> None:
    order = (await place(client, method=card("tok_authenticate")))["order"]
    await cancel(client, order["id"])
    again = await cancel(client, order["id"])
    assert (again["__typename"], again["field"], again["status"]) == ("IllegalOrderTransition", "orderId", "CANCELLED")
    nobodys = await cancel(client, "ord_nobodys")
    assert nobodys["__typename"] == "OrderNotFound"


async def test_an_order_whose_time_is_over_is_rejected_and_its_payment_expired(client: FrontEnd) -> None:
    order = (await place(client, method=card("tok_authenticate"), expiresIn=1))["order"]
    values = await watch(client, order["id"])
    assert (values[-1]["status"], values[-1]["reason"]) == ("REJECTED", "expired")
    assert values[-1]["payment"]["status"] == "EXPIRED"


async def test_the_same_key_is_the_same_order_and_charges_once(client: FrontEnd, stack: Stack) -> None:
    given = order_input()
    first = await place(client, **given)
    await watch(client, first["order"]["id"])
    again = await place(client, **given)
    assert (again["replayed"], again["order"]["id"]) == (True, first["order"]["id"])
    assert again["payment"]["id"] == first["payment"]["id"]
    assert stack.charges(first["payment"]["id"]) == ["authorize", "capture"]
    other = await place(client, **{**given, "description": "another"})
    assert other["__typename"] == "IdempotencyConflict"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"items": []}, "items"),
        ({"total": 1121}, "total"),
        ({"currency": "NOK!"}, "currency"),
        ({"items": [{"sku": "a", "quantity": 1, "unitAmount": 1120, "currency": "USD"}]}, "items.0.currency"),
        ({"items": [{"sku": "a", "quantity": 0, "unitAmount": 1120}]}, "items.0.quantity"),
        ({"items": [{"sku": "4111111111111111", "quantity": 1, "unitAmount": 1120}]}, "items.0.sku"),
        ({"method": {"redirect": {"provider": "nobody"}}}, "method.redirect.provider"),
        ({"expiresIn": 0}, "expiresIn"),
    ],
)
async def test_an_order_that_cannot_be_is_refused_by_field_and_changes_nothing(
    client: FrontEnd, changes: dict[str, Any], field: str
) -> None:
    given = order_input(**changes)
    refused = await place(client, **given)
    assert (refused["__typename"], refused["field"]) == ("InvalidInput", field)
    accepted = await place(client, **order_input(idempotencyKey=given["idempotencyKey"]))
    assert accepted["replayed"] is False


async def test_an_order_is_held_for_until_it_is_final(client: FrontEnd) -> None:
    accepted = await place(client, waitFor="FINAL", timeoutMs=10_000)
    assert accepted["order"]["status"] == "CONFIRMED"


async def test_the_status_of_an_order_over_rest(client: FrontEnd, stack: Stack) -> None:
    order = (await place(client))["order"]
    await watch(client, order["id"])
    url = stack.url.replace("/graphql", f"/api/orders/{order['id']}/status")
    async with httpx.AsyncClient(trust_env=False, verify=NO_CERTIFICATES) as browser:
        answer = await browser.get(url)
        assert answer.status_code == 200
        body = answer.json()
        assert (body["status"], body["final"], body["paymentId"]) == ("CONFIRMED", True, order["paymentId"])
        same = await browser.get(url, headers={"if-none-match": answer.headers["etag"]})
        assert same.status_code == 304
        missing = await browser.get(stack.url.replace("/graphql", "/api/orders/ord_nobodys/status"))
    assert (missing.status_code, missing.json()["errors"][0]["extensions"]["code"]) == (404, "ORDER_NOT_FOUND")


async def test_who_has_the_orders_client_secret_may_watch_it_and_its_payments_and_nothing_else(
    client: FrontEnd, stack: Stack
) -> None:
    accepted, other = await place(client), await client.begin()
    bearer = {"authorization": f"Bearer {accepted['clientSecret']}"}
    async with httpx.AsyncClient(trust_env=False, verify=NO_CERTIFICATES, headers=bearer) as browser:

        async def ask(kind: str, entity_id: str) -> Any:
            query = {"query": f'{{ {kind}(id: "{entity_id}") {{ id }} }}'}
            return (await browser.post(stack.url, json=query)).json()["data"][kind]

        assert await ask("order", accepted["order"]["id"])
        assert await ask("payment", accepted["payment"]["id"])
        assert await ask("payment", other) is None
