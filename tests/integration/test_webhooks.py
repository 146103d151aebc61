"""What providers send: believed when it is signed, taken in once, kept when it is nobody's, answered in their form."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from prometheus_client import REGISTRY

from app.domain.ids import PaymentId
from app.domain.money import Money
from app.domain.payment.events import PaymentEvent, ProviderCallStarted, QrMethod, RedirectMethod
from app.domain.payment.model import Captured as TakenState
from app.domain.reports import Captured, Transferred
from app.domain.transfer_codes import find_transfer_code, transfer_code_for
from app.eventstore import esdb
from app.eventstore.codec import new_cause
from app.eventstore.port import EventStore
from app.eventstore.transact import PAYMENTS, load
from app.eventstore.transfer_codes import claim
from app.providers.notices import (
    Fault,
    Notice,
    NoticeRefused,
    NoticeReply,
    PaymentNamed,
    RawNotice,
    Reception,
    TransferNamed,
)
from app.providers.registry import ProviderRegistry
from app.webhooks.receive import Webhooks
from tests.integration.payments import begun, new_id, write
from tests.support.builders import PRICE
from tests.support.eventstore_process import EventStoreProcess

SECRET = b"a secret of this bank alone"
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


class BankReader:
    """The least that a reader is: a signature, and JSON that names a payment or has a transfer's text."""

    name = "bank"

    async def read(self, raw: RawNotice) -> Sequence[Notice]:
        """See `NoticeReader`."""
        given = raw.headers.get("signature", "")
        if not hmac.compare_digest(given, _sign(raw.body)):
            raise NoticeRefused("signature")
        return [_notice(each) for each in json.loads(raw.body)]

    def reply(self, reception: Reception, fault: Fault | None = None) -> NoticeReply:
        """See `NoticeReader`."""
        status = {Reception.REFUSED: 401, Reception.UNAVAILABLE: 503}.get(reception, 200)
        return NoticeReply(status, json.dumps([reception, fault]).encode())


def _notice(told: Any) -> Notice:
    about = PaymentNamed(told["payment"]) if "payment" in told else TransferNamed(find_transfer_code(told["text"]))
    money = Money(told.get("amount", PRICE.amount), PRICE.currency)
    kind = Captured if "payment" in told else Transferred
    return Notice(told["id"], about, kind(told["id"], money), evidence={"text": told.get("text", "")})


def _sign(body: bytes) -> str:
    return hmac.new(SECRET, body, hashlib.sha256).hexdigest()


class Bank:
    """A provider of which only the reader is ever used here."""

    name = "bank"
    notice_readers = (BankReader(),)


def desk(store: EventStore) -> Webhooks:
    return Webhooks(store, ProviderRegistry({"bank": Bank()}), lambda: NOW)  # type: ignore[dict-item]


async def tell(webhooks: Webhooks, *told: dict[str, Any], signature: str | None = None) -> list[str | None]:
    """What the bank is answered: the reception, and the fault."""
    body = json.dumps(told).encode()
    headers = {"signature": _sign(body) if signature is None else signature}
    reply = await webhooks.receive("bank", RawNotice("POST", b"", headers, body, NOW))
    assert reply is not None
    answered: list[str | None] = json.loads(reply.body)
    return answered


async def waiting(store: EventStore, **changes: Any) -> str:
    """A payment that the bank is to be paid for."""
    payment_id = new_id()
    events: list[PaymentEvent] = begun(payment_id, **{"method": RedirectMethod(provider="bank"), **changes})
    assert isinstance(events[-1], ProviderCallStarted)
    await write(store, payment_id, events)
    return payment_id


async def kinds(store: EventStore, payment_id: str) -> list[str]:
    return [type(event).__name__ for event in (await load(store, PAYMENTS, payment_id)).events[2:]]


async def test_a_signed_notice_moves_its_payment_and_a_repeat_moves_nothing(store: EventStore) -> None:
    payment_id = await waiting(store)
    assert await tell(desk(store), {"id": "n-1", "payment": payment_id}) == ["recorded", None]
    assert isinstance((await load(store, PAYMENTS, payment_id)).state, TakenState)
    assert await tell(desk(store), {"id": "n-1", "payment": payment_id}) == ["repeated", None]
    assert await kinds(store, payment_id) == ["PaymentCaptured"]


async def test_a_hundred_at_once_are_taken_in_once(store: EventStore) -> None:
    payment_id = await waiting(store)
    webhooks = desk(store)
    answers = await asyncio.gather(*(tell(webhooks, {"id": "n-1", "payment": payment_id}) for _ in range(100)))
    assert [answer[0] for answer in answers].count("recorded") == 1
    assert await kinds(store, payment_id) == ["PaymentCaptured"]


@pytest.mark.parametrize("signature", ["", "0" * 64, _sign(b"[]")])
async def test_what_is_not_signed_by_it_changes_nothing_and_is_counted(store: EventStore, signature: str) -> None:
    payment_id = await waiting(store)
    before = _counted("signature")
    assert await tell(desk(store), {"id": "n-1", "payment": payment_id}, signature=signature) == [
        "refused",
        "signature",
    ]
    assert await kinds(store, payment_id) == []
    assert _counted("signature") == before + 1


async def test_another_amount_is_recorded_for_people_and_moves_no_money(store: EventStore) -> None:
    payment_id = await waiting(store)
    assert await tell(desk(store), {"id": "n-1", "payment": payment_id, "amount": 1}) == ["contradicted", None]
    assert await kinds(store, payment_id) == ["ContradictionRecorded"]


async def test_a_payment_of_another_provider_is_none_of_its_business(store: EventStore) -> None:
    payment_id = await waiting(store, method=RedirectMethod(provider="another"))
    assert await tell(desk(store), {"id": f"n-{uuid4()}", "payment": payment_id}) == ["unknown_payment", None]
    assert await kinds(store, payment_id) == []


@pytest.mark.parametrize("payment_id", ["pay_unknown", "", "../etc", "x" * 65, "$ce-payment"])
async def test_what_belongs_to_nothing_is_kept_once_for_people(store: EventStore, payment_id: str) -> None:
    notice = {"id": f"n-{uuid4()}", "payment": payment_id}
    before = await _kept(store)
    assert await tell(desk(store), notice) == ["unknown_payment", None]
    assert await tell(desk(store), notice) == ["unknown_payment", None]
    kept = [told for told in await _kept(store) if told not in before]
    assert [told["event_id"] for told in kept] == [notice["id"]]


async def test_a_transfer_finds_its_payment_by_the_code_in_its_text(store: EventStore) -> None:
    payment_id = await waiting(store, method=QrMethod(provider="bank"))
    await claim(store, payment_id, new_cause(payment_id))
    text = f"CT DEN 0011 {transfer_code_for(PaymentId(payment_id)).lower()} tks"
    assert await tell(desk(store), {"id": "t-1", "text": text}) == ["recorded", None]
    assert await kinds(store, payment_id) == ["TransferReceived", "PaymentCaptured"]
    assert await tell(desk(store), {"id": "t-2", "text": "no code at all"}) == ["unknown_payment", None]


async def test_of_several_in_one_message_the_worst_is_answered(store: EventStore) -> None:
    payment_id = await waiting(store)
    notices = [{"id": "n-1", "payment": payment_id}, {"id": f"n-{uuid4()}", "payment": "pay_unknown"}]
    assert await tell(desk(store), *notices) == ["unknown_payment", None]
    assert await kinds(store, payment_id) == ["PaymentCaptured"]
    assert await tell(desk(store)) == ["ignored", None]


async def test_nobody_reads_at_another_address(store: EventStore) -> None:
    assert await desk(store).receive("nobody", RawNotice("POST", b"", {}, b"", NOW)) is None


async def test_what_cannot_be_stored_is_asked_for_again(own_server: EventStoreProcess) -> None:
    async with _connected(own_server) as store:
        payment_id = await waiting(store)
        own_server.kill()
        assert await tell(desk(store), {"id": "n-1", "payment": payment_id}) == ["unavailable", None]


@asynccontextmanager
async def _connected(server: EventStoreProcess) -> AsyncIterator[EventStore]:
    async with esdb.connect(server.uri) as store:
        yield store


async def _kept(store: EventStore) -> list[dict[str, Any]]:
    """What stands in the streams that the category links to, as `0@stream`."""
    links = [link.data.decode() for link in await store.read("$ce-unmatched")]
    recorded = [(await store.read(link.partition("@")[2]))[0] for link in links]
    return [json.loads(event.data) for event in recorded]


def _counted(outcome: str) -> float:
    return REGISTRY.get_sample_value("paygate_notices_total", {"reader": "bank", "outcome": outcome}) or 0.0
