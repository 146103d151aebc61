"""A customer who closes the page is told all the same, on all of paygate: by push, and by mail."""

import json
from typing import Any

import httpx
import pytest

from tests.support.client import FrontEnd
from tests.support.plain_http import NO_CERTIFICATES
from tests.support.push_service import push_service
from tests.support.stack import Stack
from tests.support.waiting import eventually

FIELDS = (
    "__typename ... on PushSubscription { subscribed } ... on InvalidInput { field code } ... on Problem { message }"
)
SUBSCRIBE = f"mutation($input: SubscribeToPushInput!) {{ subscribeToPush(input: $input) {{ {FIELDS} }} }}"
UNSUBSCRIBE = f"mutation($input: UnsubscribeFromPushInput!) {{ unsubscribeFromPush(input: $input) {{ {FIELDS} }} }}"


async def asked(stack: Stack, secret: str, document: str, **given: Any) -> Any:
    """The answer to a mutation of a page that has a client secret and nothing else."""
    async with httpx.AsyncClient(trust_env=False, verify=NO_CERTIFICATES) as http:
        body = {"query": document, "variables": {"input": given}}
        answer = await http.post(stack.url, json=body, headers={"authorization": f"Bearer {secret}"}, timeout=30)
    (value,) = answer.json()["data"].values()
    return value


async def test_a_page_with_a_client_secret_has_its_browser_told(client: FrontEnd, stack: Stack) -> None:
    begun = await client.initiate(method={"card": {"token": "tok_authenticate"}}, waitFor="ACTION_OR_FINAL")
    payment, secret = begun["payment"], begun["clientSecret"]
    assert len(await client.send("{ pushKey }")) == 87
    async with push_service() as service:
        browser, other = service.browser(), service.browser()
        for each in (browser, other):
            given = {"paymentId": payment["id"], "endpoint": each.endpoint, **each.subscription["keys"]}
            assert (await asked(stack, secret, SUBSCRIBE, locale="vi-VN", **given))["subscribed"] is True
        left = await asked(stack, secret, UNSUBSCRIBE, paymentId=payment["id"], endpoint=other.endpoint)
        assert left == {"__typename": "PushSubscription", "subscribed": False}
        async with httpx.AsyncClient(trust_env=False, verify=NO_CERTIFICATES) as http:
            await http.post(payment["action"]["url"], data={"decision": "approve"})
        told = (await browser.told()).notification
        assert (told["title"], told["tag"]) == ("Thanh toán 49,99\N{NO-BREAK SPACE}€ thành công", payment["id"])
        assert told["data"]["type"] == "paygate.payment.succeeded"
        assert other.messages.empty()
        assert service.refusals == []
    assert browser.endpoint not in stack.log()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"endpoint": "https://10.0.0.1/send"}, "endpoint"),
        ({"endpoint": "javascript:alert(1)"}, "endpoint"),
        ({"p256dh": "AAAA"}, "p256dh"),
        ({"auth": "AAAA"}, "auth"),
        ({"locale": "fr"}, "locale"),
        ({"orderId": "ord_1"}, "paymentId"),
    ],
)
async def test_a_wrong_subscription_is_named(
    client: FrontEnd, stack: Stack, change: dict[str, Any], field: str
) -> None:
    begun = await client.initiate()
    async with push_service() as service:
        browser = service.browser()
    given = {"paymentId": begun["payment"]["id"], "endpoint": browser.endpoint, **browser.subscription["keys"]}
    answer = await asked(stack, begun["clientSecret"], SUBSCRIBE, **{**given, **change})
    assert (answer["__typename"], answer["field"]) == ("InvalidInput", field)
    (value,) = change.values()
    assert value not in json.dumps(answer)


async def test_another_payment_is_none(client: FrontEnd, stack: Stack) -> None:
    begun = await client.initiate()
    async with push_service() as service:
        browser = service.browser()
    given = {"endpoint": browser.endpoint, **browser.subscription["keys"]}
    another = await asked(stack, begun["clientSecret"], SUBSCRIBE, paymentId=await client.begin(), **given)
    assert another["__typename"] == "PaymentNotFound"
    order = await asked(stack, begun["clientSecret"], SUBSCRIBE, orderId="ord_1", **given)
    assert order["__typename"] == "OrderNotFound"


async def test_a_customer_who_is_written_to_gets_the_mail(client: FrontEnd, stack: Stack) -> None:
    payment_id = await client.begin(notify={"email": "an@example.com", "locale": "vi"})

    async def shown() -> bool:
        async with httpx.AsyncClient(trust_env=False, verify=NO_CERTIFICATES) as http:
            page = await http.get(f"http://127.0.0.1:{stack.processes()['sandbox']['port']}/mails")
        return payment_id in page.text and "Thanh toán 49,99\N{NO-BREAK SPACE}€ thành công" in page.text

    await eventually(shown, what="the mail")
    assert "an@example.com" not in stack.log()


async def test_a_wrong_mail_address_is_named_and_not_repeated(client: FrontEnd) -> None:
    answer = await client.initiate(notify={"email": "an@example"})
    assert (answer["__typename"], answer["field"]) == ("InvalidInput", "notify.email")
    assert 'an@example"' not in json.dumps(answer)
