"""What the pretend feeds send is what real ones send: our readers, and the library of payOS, take it."""

import json
from datetime import UTC, datetime, timedelta
from unittest.mock import Mock

import httpx
import pytest
from payos import PayOS  # type: ignore[import-untyped]

from app.domain.money import Money
from app.domain.reports import Transferred
from app.laptop.sandbox.bench import Bench
from app.laptop.sandbox.outbox import OutgoingNotice
from app.laptop.sandbox.vietqr.account import ACCOUNT, PAYOS_API_KEY, PAYOS_CHECKSUM_KEY, PAYOS_CLIENT_ID, environment
from app.laptop.sandbox.vietqr.feeds import FEEDS
from app.laptop.sandbox.vietqr.transfers import Transfer
from app.providers.notices import RawNotice
from app.providers.vietqr.adapter import readers_of
from app.providers.vietqr.settings import VietQrSettings

NOW = datetime(2026, 11, 20, 12, 3, 12, tzinfo=UTC)
TRANSFER = Transfer(7, "FT26324000007", 200_000, "chuyển tiền PAY1/2", "2026-11-20T19:03:12+07:00")
PREFIX = "PAYGATE_VIETQR_"
SETTINGS = VietQrSettings(
    **{name.removeprefix(PREFIX).lower(): value for name, value in environment("http://sandbox.test").items()}  # type: ignore[arg-type]
)
READERS = {reader.name: reader for reader in readers_of(SETTINGS)}


def sent(feed: str, now: datetime = NOW) -> OutgoingNotice:
    bench = Bench(Mock(), Mock(), Mock(), lambda: now, "http://sandbox.test", "http://paygate.test/webhooks")
    return FEEDS[feed](bench, TRANSFER)


@pytest.mark.parametrize("feed", FEEDS)
async def test_every_feed_is_understood_and_tells_the_same(feed: str) -> None:
    notice = sent(feed)
    headers = {name.lower(): value for name, value in {**notice.headers, **notice.stamped()}.items()}
    reader = READERS[notice.url.rpartition("/")[2]]
    (told,) = await reader.read(RawNotice("POST", b"", headers, notice.body, NOW))
    reference = f"{ACCOUNT}-2026-11-20-FT26324000007-200000"
    assert told.report == Transferred(reference, Money(200_000, "VND"))
    assert told.event_id == reference


def test_the_official_library_takes_what_payos_sends() -> None:
    official = PayOS(PAYOS_CLIENT_ID, PAYOS_API_KEY, PAYOS_CHECKSUM_KEY)
    assert official.webhooks.verify(sent("payos").body).reference == "FT26324000007"


def test_sepay_tells_again_until_it_hears_of_success() -> None:
    notice = sent("sepay")
    assert sum(notice.pauses) == timedelta(minutes=33).total_seconds()
    heard = {
        (status, body): notice.accepted(httpx.Response(status, content=body))
        for status in (200, 201, 202, 500)
        for body in (b'{"success": true}', b'{"success": false}', b"{}", b"[]", b"")
    }
    assert {answer for answer, enough in heard.items() if enough} == {
        (200, b'{"success": true}'),
        (201, b'{"success": true}'),
    }


def test_each_try_is_stamped_with_its_own_time() -> None:
    first, later = sent("sepay").stamped(), sent("sepay", NOW + timedelta(minutes=8)).stamped()
    assert int(later["X-SePay-Timestamp"]) - int(first["X-SePay-Timestamp"]) == 480
    assert first["X-SePay-Signature"] != later["X-SePay-Signature"]
    assert json.loads(sent("sepay").body)["transferType"] == "in"
