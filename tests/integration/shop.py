"""A merchant's server, as paygate's webhooks meet it, and what it takes to bring deliveries forward by hand."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
from pydantic import SecretStr
from redis.asyncio import Redis
from standardwebhooks import Webhook

from app.access.model import MerchantCaller
from app.access.vault import Vault
from app.destinations import LOOPBACK, Destinations
from app.domain.delivery.events import DeliveryEvent
from app.domain.delivery.next_action import RetryPolicy
from app.domain.endpoints.model import Endpoint
from app.domain.ids import MerchantId
from app.domain.payment.events import PaymentEvent
from app.eventstore.codec import new_cause
from app.eventstore.port import EventStore, RecordedEvent
from app.eventstore.transact import DELIVERIES, ENDPOINTS, PAYMENTS, load
from app.gateway.endpoint_requests import RegisterEndpointRequest
from app.gateway.endpoints import EndpointCommands, EndpointWithSecret
from app.gateway.inflight import InFlight
from app.gateway.requests import parse
from app.notifier.claims import Claims
from app.notifier.deliveries import DeliveryStreams
from app.notifier.owing import Duties, delivery_id_of
from app.notifier.port import Channel
from app.notifier.pump import DeliveryPump, Progress
from app.notifier.subjects import Subjects
from app.notifier.webhooks.directory import EndpointDirectory
from app.notifier.webhooks.sender import WebhookSender
from app.notifier.webhooks.wishes import EndpointWishes
from projections.deliveries import DeliveryLog
from projections.fold import FoldedDeliveries, fold_deliveries
from projections.publisher import Publisher
from tests.integration.payments import new_id, settled, write

VAULT = Vault(SecretStr("a secret key of at least 32 characters"))
SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Received:
    """A request as it came; header names are lower-case."""

    headers: Mapping[str, str]
    body: bytes

    @property
    def event(self) -> Any:
        return json.loads(self.body)

    @property
    def version(self) -> int:
        return int(self.event["data"]["version"])

    def verified(self, secret: SecretStr) -> Any:
        """The event, when the signature is right; raises `WebhookVerificationError`."""
        return Webhook(secret.get_secret_value()).verify(self.body, dict(self.headers))


@dataclass
class Shop:
    """`answers` are the raw answers to the next requests; then it is 204. It answers only while `open` is set."""

    url: str
    received: list[Received] = field(default_factory=list)
    answers: deque[bytes] = field(default_factory=deque)
    open: asyncio.Event = field(default_factory=asyncio.Event)
    waiting: int = 0
    most_waiting: int = 0
    connections: int = 0

    def will_answer(self, *statuses: int, headers: Sequence[str] = ()) -> None:
        self.answers.extend(raw_answer(status, *headers) for status in statuses)

    def versions_of(self, subject: str) -> list[int]:
        return [each.version for each in self.received if each.event["subject"] == subject]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while request := await _read(reader):
            self.waiting += 1
            self.most_waiting = max(self.most_waiting, self.waiting)
            try:
                await self.open.wait()
                self.received.append(request)
                writer.write(self.answers.popleft() if self.answers else raw_answer(204))
                await writer.drain()
            finally:
                self.waiting -= 1


def raw_answer(status: int, *headers: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status} Whatever", "Content-Length: 0", *headers, "", ""]).encode()


async def _read(reader: asyncio.StreamReader) -> Received | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    _, *lines = head.strip().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Received(headers, await reader.readexactly(int(headers.get("content-length", 0))))


@asynccontextmanager
async def open_shop(**listening: Any) -> AsyncIterator[Shop]:
    """A shop's server on this machine; `listening` are further arguments of `asyncio.start_server`."""
    connections: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Of its own: the library would report one that is cancelled.
        connections.add(asyncio.ensure_future(_until_closed(shop, reader, writer)))

    shop = Shop("")
    shop.open.set()
    async with await asyncio.start_server(connected, "127.0.0.1", 0, **listening) as server:
        shop.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hooks?from=paygate"
        try:
            yield shop
        finally:
            shop.open.set()
            for task in connections:
                task.cancel()
            await asyncio.gather(*connections, return_exceptions=True)


async def _until_closed(shop: Shop, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        with suppress(ConnectionError):
            await shop.serve(reader, writer)
    finally:
        writer.close()


class Clock:
    """Time passes when it is told to. It begins now, since signatures of another day are not accepted."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, by: timedelta) -> None:
        self.now += by


class RealClock(Clock):
    """Time passes by itself."""

    def __call__(self) -> datetime:
        return datetime.now(UTC)


@dataclass
class Office:
    """What it takes to have a merchant's endpoints told of payments, step by step."""

    store: EventStore
    redis: Redis
    transport: httpx.AsyncBaseTransport
    destinations: Destinations = field(default_factory=lambda: Destinations(LOOPBACK, http=True))
    clock: Clock = field(default_factory=Clock)
    policy: RetryPolicy = field(default_factory=RetryPolicy)
    seconds: float = 20.0
    merchant_id: str = field(default_factory=lambda: f"shop-{uuid4().hex}")
    _places: int = 0

    @property
    def caller(self) -> MerchantCaller:
        return MerchantCaller(MerchantId(self.merchant_id))

    @property
    def log(self) -> DeliveryLog:
        return DeliveryLog(self.redis)

    @property
    def commands(self) -> EndpointCommands:
        def random(size: int) -> bytes:
            return (uuid4().bytes * 3)[:size]

        return EndpointCommands(self.store, self.log, VAULT, self.destinations, self.clock, random, InFlight())

    def channel(self, sender: Any = None, store: Any = None) -> Channel[Endpoint]:
        sends = sender or self.sender()
        return Channel("webhook", EndpointDirectory(store or self.store), sends, self.policy)

    def sender(self) -> WebhookSender:
        return WebhookSender(self.transport, self.destinations, VAULT, "https://pay.test", self.clock, self.seconds)

    def pump(self, sender: Any = None, store: Any = None, claims: Claims | None = None) -> DeliveryPump[Endpoint]:
        channel, store = self.channel(sender, store), store or self.store
        subjects, deliveries = Subjects(store), DeliveryStreams(store)
        return DeliveryPump(subjects, deliveries, channel, self.log, self.clock, lambda: 0.0, claims)

    async def register(self, url: str, **given: Any) -> EndpointWithSecret:
        return await self.commands.register(self.caller, parse(RegisterEndpointRequest, {"url": url, **given}))

    async def endpoint(self, endpoint_id: str) -> Endpoint:
        return (await load(self.store, ENDPOINTS, self.merchant_id)).state.by_id[endpoint_id]

    async def pay(self, events: Sequence[PaymentEvent] | None = None) -> str:
        """A payment that went well from now on, and its events met by the notifier."""
        payment_id = new_id()
        happened = settled(payment_id, merchant_id=self.merchant_id) if events is None else events
        now = [event.model_copy(update={"at": self.clock()}) for event in happened]
        await write(self.store, payment_id, now)
        await self.owe(payment_id)
        return payment_id

    async def owe(self, payment_id: str) -> None:
        duties = Duties(Subjects(self.store), DeliveryStreams(self.store), self.channel(), self.clock)
        for event in await self.store.read(PAYMENTS.stream(payment_id)):
            await duties.after(event)

    async def run(self, endpoint_id: str, subject: str) -> Progress:
        """Bring one delivery stream forward, and the read model with it."""
        delivery_id = delivery_id_of(endpoint_id, subject)
        progress = await self.pump().run(delivery_id, new_cause(delivery_id))
        await self.project(delivery_id)
        return progress

    async def project(self, delivery_id: str, *, only_last: bool = False) -> None:
        """Write the stream to the read model; `only_last`: as if Redis had forgotten what was written before."""
        folded: FoldedDeliveries | None = None
        batch = Publisher(self.redis).batch()
        events = await self.events(delivery_id)
        for revision, event in enumerate(events):
            folded, _ = fold_deliveries(folded, revision, event)
            self._places += 1
            if not only_last or event is events[-1]:
                await batch.log_delivery(folded, self._places)
        await batch.send()

    async def events(self, delivery_id: str) -> Sequence[DeliveryEvent]:
        return (await load(self.store, DELIVERIES, delivery_id)).events

    async def carry_out_wishes(self) -> None:
        """What the merchant asked for last, and then what has become due with it."""
        wishes = EndpointWishes(self.store, self.log)
        for _, delivery_id in await wishes.streams_after(await self._last_wish()):
            await self.pump().run(delivery_id, new_cause(delivery_id))
            await self.project(delivery_id)

    async def _last_wish(self) -> RecordedEvent:
        return (await self.store.read(ENDPOINTS.stream(self.merchant_id)))[-1]
