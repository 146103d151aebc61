"""Web Push, to a push service that checks what it gets and browsers that read it."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from app.destinations import LOOPBACK, Destinations
from app.domain.payment.events import RedirectAction
from app.notifier.customers.directory import Customer
from app.notifier.port import Gone, NotSent, Outcome, Sent
from app.notifier.push.sender import PushSender
from app.notifier.push.vapid import VapidKey
from app.notifier.webhooks.sender import open_transport
from projections.views import View
from tests.support.push_service import Browser, PushService, push_service
from tests.unit.notifier.views import REDIRECTED, TOLD, message

KEY = VapidKey.read("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw", "mailto:ops@shop.test")


@pytest.fixture
async def service() -> AsyncIterator[PushService]:
    async with push_service() as service:
        yield service
        assert service.refusals == []


@pytest.fixture
async def sender() -> AsyncIterator[PushSender]:
    async with open_transport() as transport:
        yield PushSender(transport, Destinations(LOOPBACK), KEY, "https://pay.test", lambda: datetime.now(UTC))


async def sent(sender: PushSender, browser: Browser, view: View = REDIRECTED, locale: Any = "en") -> Outcome:
    return await sender.send(message(view), Customer(SecretStr(json.dumps(browser.subscription)), locale))


async def test_a_browser_can_read_and_show_what_happened(service: PushService, sender: PushSender) -> None:
    browser = service.browser()
    assert await sent(sender, browser, locale="vi") == Sent("answered 201")
    pushed = await browser.told()
    assert pushed.notification == {
        "title": "Khoản thanh toán 200.000\N{NO-BREAK SPACE}₫ đang chờ bạn",
        "body": "Khoản thanh toán 200.000\N{NO-BREAK SPACE}₫ cho “two coffees” chưa hoàn tất.",
        "lang": "vi",
        "navigate": "https://wallet.test/approve/1?a=1&b=2",
        "tag": "pay_1",
        "data": {
            "id": message().id,
            "type": "paygate.payment.requires_action",
            "subject": "pay_1",
            "version": 0,
        },
    }
    assert pushed.headers["topic"] == "abcdefghijklmnopqrstuvwxyz234567"


async def test_what_a_customer_has_to_do_is_urgent_and_good_until_it_is_too_late(
    service: PushService, sender: PushSender
) -> None:
    browser = service.browser()
    soon = REDIRECTED.model_copy(update={"expires_at": datetime.now(UTC) + timedelta(seconds=600)})
    late = REDIRECTED.model_copy(update={"expires_at": datetime.now(UTC) - timedelta(seconds=1)})
    for view in (REDIRECTED, soon, late, TOLD["succeeded"]):
        await sent(sender, browser, view)
    told = [(await browser.told()).headers for _ in range(4)]
    assert [each["urgency"] for each in told] == ["high", "high", "high", "normal"]
    day, minutes, nothing, week = (int(each["ttl"]) for each in told)
    assert (day, nothing, week) == (24 * 3600, 0, 7 * 24 * 3600)
    assert 0 < minutes <= 600


async def test_an_address_too_long_for_a_message_is_left_to_our_page(service: PushService, sender: PushSender) -> None:
    browser = service.browser()
    long = RedirectAction(url="https://wallet.test/" + "a" * 4000)
    assert isinstance(await sent(sender, browser, REDIRECTED.model_copy(update={"action": long})), Sent)
    assert (await browser.told()).notification["navigate"] == "https://pay.test/return/pay_1"


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ("200 OK\r\n", Sent("answered 200")),
        ("404 Not Found\r\n", Gone("answered 404")),
        ("410 Gone\r\n", Gone("answered 410")),
        ("403 Forbidden\r\n", NotSent("answered 403")),
        ("429 Too Many Requests\r\nRetry-After: 120\r\n", NotSent("answered 429", timedelta(seconds=120))),
        ("503 Service Unavailable\r\nRetry-After: 5\r\n", NotSent("answered 503", timedelta(seconds=5))),
        ("500 Internal Server Error\r\nRetry-After: soon\r\n", NotSent("answered 500")),
        ("307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/\r\n", NotSent("answered 307")),
    ],
)
async def test_what_the_push_service_says_is_what_becomes_of_it(
    service: PushService, sender: PushSender, answer: str, outcome: Outcome
) -> None:
    browser = service.browser()
    browser.answers.append(answer)
    assert await sent(sender, browser) == outcome
    assert browser.messages.empty()


async def test_an_address_within_is_not_called(service: PushService, sender: PushSender) -> None:
    guarded = PushSender(sender.transport, Destinations(), KEY, "https://pay.test", sender.clock)
    browser = service.browser()
    assert await sent(guarded, browser) == NotSent("not called: address_not_public")
    assert browser.messages.empty()


async def test_nobody_there_is_not_sent_and_says_nothing_of_the_address(sender: PushSender) -> None:
    outcome = await sent(sender, Browser("http://127.0.0.1:1/send/secret-path"))
    assert outcome == NotSent("no answer (ConnectError)")
