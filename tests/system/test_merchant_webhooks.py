"""A shop's developer registers an endpoint, is told of a payment, verifies it, and asks for it again."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from gql.transport.exceptions import TransportQueryError
from pydantic import SecretStr

from tests.integration.shop import Received, Shop, open_shop
from tests.support.client import FrontEnd
from tests.support.endpoints import DELIVERIES, ENDPOINTS, REDELIVER, REGISTER, REMOVE, ROLL, command
from tests.support.orders import place
from tests.support.waiting import eventually


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    async with open_shop() as opened:
        yield opened


@pytest.fixture
async def registered(client: FrontEnd, shop: Shop) -> AsyncIterator[dict[str, Any]]:
    answer = await client.send(REGISTER, input={"url": shop.url, "description": "the shop"})
    yield answer
    await client.send(REMOVE, input={"endpointId": answer["endpoint"]["id"]})


async def told_of(shop: Shop, subject: str, event_type: str, times: int = 1) -> list[Received]:
    async def found() -> list[Received] | None:
        about = [each for each in shop.received if each.event["subject"] == subject]
        last = [each for each in about if each.event["type"] == event_type]
        return about if len(last) >= times else None

    return await eventually(found, what=f"{event_type} at the shop")


async def test_a_shop_is_told_of_a_payment_verifiably_and_can_have_it_again(
    client: FrontEnd, shop: Shop, registered: dict[str, Any]
) -> None:
    endpoint = registered["endpoint"]
    assert (endpoint["events"], endpoint["status"]) == (["*"], "ENABLED")
    payment_id = await client.begin()
    received = await told_of(shop, payment_id, "paygate.payment.succeeded")
    secret = SecretStr(registered["secret"])
    events = [each.verified(secret) for each in received]
    history = [value["version"] for value in await client.watch(payment_id)]
    assert [event["data"]["version"] for event in events] == history

    async def logged() -> Any:
        log = await client.send(DELIVERIES, endpointId=endpoint["id"], first=10)
        done = [node for node in log["nodes"] if node["status"] == "DELIVERED" and node["subject"] == payment_id]
        return done if len(done) == len(history) else None

    log = await eventually(logged, what="the log")
    assert [node["messageId"] for node in log] == [each.headers["webhook-id"] for each in reversed(received)]
    assert {node["lastAnswer"] for node in log} == {"answered 204"}

    again = await client.send(REDELIVER, input={"deliveryId": log[0]["id"]})
    assert again["delivery"]["status"] == "WAITING"
    *_, last = await told_of(shop, payment_id, "paygate.payment.succeeded", times=2)
    assert last.headers["webhook-id"] == log[0]["messageId"]


async def test_a_shop_is_told_of_an_order(client: FrontEnd, shop: Shop, registered: dict[str, Any]) -> None:
    order_id = (await place(client))["order"]["id"]
    received = await told_of(shop, order_id, "paygate.order.confirmed")
    event = received[-1].verified(SecretStr(registered["secret"]))
    assert (event["data"]["status"], event["data"]["items"][0]["sku"]) == ("CONFIRMED", "coffee")


async def test_an_endpoint_is_changed_rolled_and_switched(client: FrontEnd, registered: dict[str, Any]) -> None:
    named = {"endpointId": registered["endpoint"]["id"]}
    chosen = ["paygate.order.confirmed"]
    changed = await client.send(command("updateEndpoint"), input={**named, "events": chosen})
    assert (changed["endpoint"]["events"], changed["endpoint"]["description"]) == (chosen, "the shop")
    rolled = await client.send(ROLL, input=named)
    assert rolled["secret"] != registered["secret"]
    assert rolled["endpoint"]["oldSecretValidUntil"] is not None
    for name, status in (("disableEndpoint", "DISABLED"), ("enableEndpoint", "ENABLED")):
        assert (await client.send(command(name), input=named))["endpoint"]["status"] == status
    now = datetime.now(UTC)
    span = {"from": (now - timedelta(hours=1)).isoformat(), "to": now.isoformat()}
    replayed = await client.send(command("replayDeliveries"), input={**named, **span})
    assert replayed["__typename"] == "EndpointAccepted"
    assert named["endpointId"] in [each["id"] for each in await client.send(ENDPOINTS)]


@pytest.mark.parametrize(
    ("document", "given", "kind", "field"),
    [
        (REGISTER, {"url": "https://10.0.0.8/"}, "InvalidInput", "url"),
        (REGISTER, {"url": "https://shop.example/", "events": ["paid"]}, "InvalidInput", "events.0"),
        (command("updateEndpoint"), {"endpointId": "we_nobody", "description": "-"}, "EndpointNotFound", "endpointId"),
        (command("enableEndpoint"), {"endpointId": "we_nobody"}, "EndpointNotFound", "endpointId"),
        (command("disableEndpoint"), {"endpointId": "not an id"}, "InvalidInput", "endpointId"),
        (ROLL, {"endpointId": "we_nobody", "overlapHours": 1000}, "InvalidInput", "overlapHours"),
        (REMOVE, {"endpointId": "we_nobody"}, "EndpointNotFound", "endpointId"),
        (REDELIVER, {"deliveryId": "we_nobody"}, "InvalidInput", "deliveryId"),
        (REDELIVER, {"deliveryId": "we_nobody.pay_1.0"}, "DeliveryNotFound", "deliveryId"),
        (
            command("replayDeliveries"),
            {"endpointId": "we_nobody", "from": "2026-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z"},
            "InvalidInput",
            "to",
        ),
    ],
    ids=[
        "register a private address",
        "register with an unknown type of event",
        "update one that is not there",
        "enable one that is not there",
        "disable what is no id",
        "roll with too long an overlap",
        "remove one that is not there",
        "redeliver what is no id",
        "redeliver what is not there",
        "replay backwards",
    ],
)
async def test_what_cannot_be_done_is_said_by_field(
    client: FrontEnd, document: str, given: dict[str, Any], kind: str, field: str
) -> None:
    answer = await client.send(document, input=given)
    assert (answer["__typename"], answer["field"]) == (kind, field)


async def test_the_log_of_an_endpoint_that_is_not_there_is_not_shown(client: FrontEnd) -> None:
    with pytest.raises(TransportQueryError) as refused:
        await client.send(DELIVERIES, endpointId="we_nobody")
    assert refused.value.errors is not None
    assert refused.value.errors[0]["extensions"] == {"code": "ENDPOINT_NOT_FOUND", "field": "endpointId"}
