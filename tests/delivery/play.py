"""Plays a schedule: the real gateway, projection and transports between a network, a Redis and a store made up.

What must hold: every client sees one unbroken chain from where it began to the final value, and soon after all is well
again.
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any, cast

from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from app.access.authenticator import DEMO, Authenticator
from app.access.model import Caller, MerchantCaller
from app.access.rates import Rate, Rates, Work
from app.access.revocation import Revocations
from app.domain.payment.events import PaymentEvent
from app.domain.payment.next_action import Policy
from app.eventstore.codec import encode, new_cause
from app.eventstore.transact import PAYMENTS
from app.gateway.queries import Queries
from app.limits import Limits
from app.live.history import Histories
from app.live.hub import Hub
from app.settings import Profile, Settings
from app.transports.connections import Connections
from app.transports.ends import End
from app.transports.validity import Validity
from app.transports.ws_legacy import SubscriptionsTransportWS
from app.transports.ws_session import WebSocketSession
from app.web.app import create_app
from app.wiring.gateway import Gateway
from app.wiring.shared import utc_now
from projections.fold import payment_updates
from projections.names import Topic, checkpoint_key
from projections.publisher import Publisher
from projections.readmodel import ReadModel
from projections.service import Projection
from projections.views import Update
from schema.build import build_schema
from schema.context import Services
from schema.execution import Executor
from tests.delivery.clients import EVERY_TRANSPORT, Client, LegacySocket, Seen
from tests.delivery.redis import SimulatedRedis
from tests.delivery.schedule import Schedule, Step
from tests.delivery.store import SimulatedStore
from tests.integration.payments import eventful, refunded, settled

PAYMENT = "pay_1"
SWEEP_SECONDS = 15.0
_SILENCE_SECONDS = 4.0
_SOON_SECONDS = 10.0
"""From the moment all is well to the last value, when every loss was one that can be noticed: `_SILENCE_SECONDS` until
a dead connection is known for one, and what clients and projection wait before they come back."""
_LONGEST_POLL_SECONDS = 10.0


class BrokenPromise(AssertionError):
    """A client did not get what it was promised."""


@cache
def _story(rounds: int, *, refunds: bool) -> tuple[tuple[PaymentEvent, ...], tuple[Update, ...]]:
    """What is going to happen to the payment, and what of it can be seen."""
    if refunds:
        events = refunded(PAYMENT, merchant_id=DEMO)
    else:
        events = eventful(PAYMENT, rounds, merchant_id=DEMO) if rounds else settled(PAYMENT, merchant_id=DEMO)
    _, updates = payment_updates(events)
    return tuple(events), tuple(updates)


def play(schedule: Schedule, runner: asyncio.Runner) -> Counter[str]:
    """Raises `BrokenPromise`, or whatever else goes wrong; what was injected, by kind."""
    # The jitter of connections comes from here.
    random.seed(schedule.seed)
    return runner.run(_play(schedule))


async def _play(schedule: Schedule) -> Counter[str]:
    injected: Counter[str] = Counter()
    async with _stage(schedule, injected) as stage:
        for step in schedule.steps:
            stage.carry_out(step)
            injected[step.what] += 1
            await asyncio.sleep(step.pause)
        await stage.end_well()
    return injected


@dataclass
class _Stage:
    schedule: Schedule
    redis: SimulatedRedis
    store: SimulatedStore
    connections: Connections
    clients: list[Client]
    watching: list[asyncio.Task[None]]
    _events: tuple[PaymentEvent, ...] = field(init=False)
    _updates: tuple[Update, ...] = field(init=False)
    _happened: int = 0
    _projection: asyncio.Task[None] | None = None

    def __post_init__(self) -> None:
        self._events, self._updates = _story(self.schedule.rounds, refunds=self.schedule.refunds)
        self.happen(1)
        self.start_projection()

    def happen(self, number: int) -> None:
        """The next so many events."""
        events = self._events[self._happened : self._happened + number]
        stream, revision = PAYMENTS.stream(PAYMENT), self._happened - 1
        self.store.put(stream, encode(stream, revision, events, new_cause(PAYMENT)), expected=revision)
        self._happened += len(events)

    def start_projection(self) -> None:
        if self._projection is None:
            publisher = Publisher(self.redis.projection.client())
            projection = Projection(self.store, publisher, Policy(), idle_seconds=5.0)
            self._projection = asyncio.create_task(projection.run())

    def crash_projection(self) -> None:
        if self._projection is not None:
            self._projection.cancel()
            self._projection = None

    def mend_redis(self) -> None:
        self.redis.start()
        self.redis.gateway.heal()
        self.redis.projection.heal()

    def carry_out(self, step: Step) -> None:
        redis, which = self.redis, step.which
        what: dict[str, Callable[[], None]] = {
            "happen": lambda: self.happen(which),
            "happen to the end": lambda: self.happen(len(self._events)),
            "lose": lambda: redis.fates.extend(["lost"] * which),
            "double": lambda: redis.fates.append("twice"),
            "belate": lambda: redis.fates.append("late"),
            "garble": lambda: redis.fates.append("garbled"),
            "replay": self._replay,
            "cut feed": redis.cut,
            "part gateway": redis.gateway.part,
            "part projection": redis.projection.part,
            "stop redis": lambda: redis.stop(keeps_all=True),
            "stop redis, losing a little": lambda: redis.stop(keeps_all=False),
            "flush redis": redis.flush,
            "save redis": redis.save,
            "mend redis": self.mend_redis,
            "crash projection": self.crash_projection,
            "start projection": self.start_projection,
            "stop store": self.store.stop,
            "start store": self.store.start,
            "pause reader": lambda: self.clients[which].read(on=False),
            "resume reader": lambda: self.clients[which].read(on=True),
            "leave": self.clients[which % len(self.clients)].leave,
            "recycle connections": self._recycle,
        }
        what[step.what]()

    def _recycle(self) -> None:
        """Every connection has lived long enough, as in a drain."""
        for end in list(self.connections._open):
            end(End.LIFETIME_REACHED)

    def _replay(self) -> None:
        """A projection that has forgotten its place begins anew, and one that compares nothing tells all again."""
        self.redis.rewind([checkpoint_key("payment")], [-1])
        for update in self._updates:
            if update.version < self._happened:
                self.redis.publish(Topic("payment", PAYMENT).channel, update.encode())

    async def end_well(self) -> None:
        """Everything is mended, the rest happens, and everybody sees the end."""
        self.mend_redis()
        self.store.start()
        self.start_projection()
        for client in self.clients:
            client.read(on=True)
        self.happen(len(self._events) - self._happened)
        seconds = _SOON_SECONDS + (SWEEP_SECONDS if self.schedule.loses_silently else 0.0)
        _, late = await asyncio.wait(self.watching, timeout=seconds)
        for watching in set(self.watching) - late:
            watching.result()
        for client in self.clients:
            self._check(client)

    def _check(self, client: Client) -> None:
        everything = [Seen(each.version, each.previous, each.payment.status) for each in self._updates]
        if client.after is None:
            # It began with the present, whatever that was.
            expected = [each for each in everything if client.seen and each.version >= client.seen[0].version]
        else:
            expected = [each for each in everything if each.version > client.after]
        # A payment is final once before its refunds: whoever sees it then has seen the end.
        ends = [place for place, each in enumerate(expected, 1) if each.status in ("SUCCEEDED", "FAILED", "REFUNDED")]
        if client.seen not in [expected[:end] for end in ends]:
            raise BrokenPromise(f"{client.name} after {client.after}: {_short(client.seen)} of {_short(expected)}")
        if not client.complete:
            raise BrokenPromise(f"{client.name} was never told the end")

    async def close(self) -> None:
        self.crash_projection()
        for watching in self.watching:
            watching.cancel()
        for client in self.clients:
            client.leave()
        await asyncio.gather(*self.watching, return_exceptions=True)
        served = [task for client in self.clients for task in client.served]
        _, forever = await asyncio.wait(served, timeout=_LONGEST_POLL_SECONDS)
        if forever:
            raise BrokenPromise(f"{len(forever)} clients have left and are still served: {forever}")
        for task in served:
            task.result()


def _short(values: list[Seen]) -> str:
    return " ".join(f"{each.previous}→{each.version}" for each in values)


# The gateway, made once: to build a schema costs more than to play a schedule.

_opened: list[Gateway] = []


@cache
def _application() -> Starlette:
    @asynccontextmanager
    async def opening(_: Settings, __: Limits) -> AsyncGenerator[Gateway, None]:
        yield _opened[-1]

    return create_app(Settings(profile=Profile.DEV), Limits(), opening)


@cache
def _executor() -> Executor:
    return Executor(build_schema())


async def _legacy(scope: Scope, receive: Receive, send: Send) -> None:
    """The subprotocol of old."""
    socket = WebSocket(scope, receive, send)
    await socket.accept("graphql-ws")
    protocol = SubscriptionsTransportWS(WebSocketSession.now())
    validity = Validity(lambda: _opened[-1].revocations, utc_now)
    session = WebSocketSession(socket, protocol, _executor(), _services, _anybody, validity)
    await session.run(_application().state.connections)


def _services() -> Services:
    return _opened[-1].services


async def _anybody(socket: WebSocket, payload: Mapping[str, Any]) -> Caller:  # noqa: ARG001 — as the protocol has them
    return MerchantCaller(DEMO)


@asynccontextmanager
async def _stage(schedule: Schedule, injected: Counter[str]) -> AsyncGenerator[_Stage, None]:
    rng = random.Random(schedule.seed)  # noqa: S311 — to be drawn again, not secret
    redis, store = SimulatedRedis(rng, injected), SimulatedStore(rng)
    application = _application()
    async with AsyncExitStack() as stack:
        read_model = ReadModel(redis.gateway.client())
        hub = await stack.enter_async_context(
            Hub.open(
                "redis://simulated",
                Histories(store, read_model),
                mailbox_bytes=schedule.mailbox_bytes,
                sweep_seconds=SWEEP_SECONDS,
                silence_seconds=_SILENCE_SECONDS,
                dial=redis.dial,
            )
        )
        revocations = Revocations(cast("Any", None))
        rates = Rates(redis.gateway.client(), dict.fromkeys(Work, Rate(0, 1)))
        nothing = cast("Any", None)
        services = Services(nothing, nothing, Queries(store, read_model), hub, rates, 10_000, nothing, nothing)
        authenticator = Authenticator(cast("Any", None), None, cast("Any", None), lambda _: False, MerchantCaller(DEMO))
        gateway = Gateway(
            services=services,
            store=cast("Any", store),
            read_model=read_model,
            authenticator=authenticator,
            webhooks=nothing,
            returns=nothing,
            in_flight=nothing,
            revocations=revocations,
        )
        _opened[:] = [gateway]
        await stack.enter_async_context(application.router.lifespan_context(application))
        clients = [
            kind(_legacy if kind is LegacySocket else application, PAYMENT, after, schedule.room, injected)
            for kind, after in zip(EVERY_TRANSPORT, schedule.after, strict=True)
        ]
        watching = [asyncio.create_task(client.watch()) for client in clients]
        stage = _Stage(schedule, redis, store, application.state.connections, clients, watching)
        try:
            yield stage
        finally:
            await stage.close()
        injected["gaps healed"] += hub.gaps_healed
        injected["feed lost"] += hub.feed.losses
