"""Two gateways are restarted one after the other while payments are made and watched: nothing is lost or repeated."""

import asyncio
from collections import Counter, deque
from collections.abc import Sequence
from contextlib import aclosing
from functools import partial
from itertools import cycle
from pathlib import Path
from uuid import uuid4

import httpx

from tests.support.client import INITIATE, assert_unbroken, payment_input, statuses
from tests.support.gateway_process import Gateway, gateway
from tests.support.plain_http import NO_CERTIFICATES
from tests.support.stack import Stack
from tests.support.waiting import eventually
from tests.support.watching import HandedBack, Result, Watch, by_events, by_multipart, by_socket

CUSTOMERS = 20
STREAMS: Sequence[Watch] = (by_socket, by_events, by_multipart)
HANDED_BACK: dict[Watch, str | int] = {by_socket: 1012, by_events: "no complete", by_multipart: "RECONNECT"}
_PAUSE_SECONDS = 0.05


class Addresses:
    """The gateways as one client sees them: it stays where it is until that does not do."""

    def __init__(self, urls: Sequence[str], first: int) -> None:
        self._urls = deque(urls)
        self._urls.rotate(first)

    @property
    def current(self) -> str:
        return self._urls[0]

    async def move_on(self) -> None:
        self._urls.rotate()
        await asyncio.sleep(_PAUSE_SECONDS)


class Viewer:
    """Watches payments to their ends over one kind of stream, wherever it is served."""

    def __init__(self, watch: Watch, addresses: Addresses) -> None:
        self.seen: dict[str, list[Result]] = {}
        self.ends: Counter[tuple[str, str | int]] = Counter()
        """How often a gateway has ended a stream how, before the payment did."""
        self.at: str | None = None
        """The gateway that serves it a payment which has not ended."""
        self.watch = watch
        self._addresses = addresses

    async def follow(self, payment_id: str) -> None:
        """Watch one payment; what breaks is resumed after the last position."""
        seen = self.seen[payment_id] = []
        while True:
            url = self._addresses.current
            after = seen[-1]["extensions"]["position"] if seen else -1
            try:
                async with aclosing(self.watch(url, payment_id, after)) as results:
                    async for result in results:
                        seen.append(result)
                        self.at = url
            except HandedBack as end:
                self.ends[url, end.how] += 1
                await self._addresses.move_on()
            else:
                return
            finally:
                self.at = None


class Customer:
    """Makes one payment after the other, each watched over every kind of stream at once."""

    def __init__(self, http: httpx.AsyncClient, urls: Sequence[str], number: int) -> None:
        self.viewers = [Viewer(watch, Addresses(urls, number + place)) for place, watch in enumerate(STREAMS)]
        self._http = http
        self._addresses = Addresses(urls, number)

    async def go_shopping(self, closing_time: asyncio.Event) -> None:
        while not closing_time.is_set():
            payment_id = await self._pay()
            await asyncio.gather(*(viewer.follow(payment_id) for viewer in self.viewers))

    async def _pay(self) -> str:
        """The id of a payment that takes two seconds; what is not answered is asked again under its key."""
        wanted = {**payment_input(), "idempotencyKey": str(uuid4()), "method": {"card": {"token": "tok_slow"}}}
        body = {"query": INITIATE, "variables": {"input": wanted}}
        while True:
            try:
                answer = await self._http.post(self._addresses.current, json=body)
            except httpx.TransportError:
                await self._addresses.move_on()
                continue
            payment_id: str = answer.json()["data"]["initiatePayment"]["payment"]["id"]
            return payment_id


async def test_gateways_restarted_one_after_the_other_lose_and_repeat_nothing(stack: Stack, tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
    with (
        gateway(stack, tmp_path / "a", PAYGATE_DRAIN_SECONDS="1") as one,
        gateway(stack, tmp_path / "b", PAYGATE_DRAIN_SECONDS="1") as other,
    ):
        await asyncio.gather(one.ready(), other.ready())
        viewers = await _shop_through_restarts((one, other))
    for viewer in viewers:
        for results in viewer.seen.values():
            values = [result["data"]["paymentStatus"] for result in results]
            assert values[0]["previousVersion"] is None
            assert statuses(values) == ["INITIATED", "PROCESSING", "SUCCEEDED"]
            assert_unbroken(values)
    for watch in STREAMS:
        for each in (one, other):
            assert _handed_back(viewers, watch, each.url) > 0
    charged: dict[str, list[str]] = {payment_id: [] for viewer in viewers for payment_id in viewer.seen}
    for movement in stack.ledger():
        if movement["reference"] in charged:
            charged[movement["reference"]].append(movement["operation"])
    assert set(map(tuple, charged.values())) == {("authorize", "capture")}


async def _shop_through_restarts(gateways: Sequence[Gateway]) -> list[Viewer]:
    """All who watched while each gateway was restarted, when all they watched has ended."""
    closing_time = asyncio.Event()
    async with (
        httpx.AsyncClient(timeout=30, trust_env=False, verify=NO_CERTIFICATES) as http,
        asyncio.TaskGroup() as tasks,
    ):
        customers = [Customer(http, [each.url for each in gateways], number) for number in range(CUSTOMERS)]
        viewers = [viewer for customer in customers for viewer in customer.viewers]
        for customer in customers:
            tasks.create_task(customer.go_shopping(closing_time))

        async def watched_at(url: str) -> bool:
            return {viewer.watch for viewer in viewers if viewer.at == url} == set(STREAMS)

        # Once each, as a rule. But a stream that is watched when its gateway is asked to end may have come to its own
        # end when the gateway hears of it; and who has left a gateway comes back when the other one is restarted.
        for each in cycle(gateways):
            await eventually(partial(watched_at, each.url), what=f"every kind of stream at {each.url}")
            await each.restart()
            if all(_handed_back(viewers, watch, every.url) for watch in STREAMS for every in gateways):
                break
        closing_time.set()
    return viewers


def _handed_back(viewers: Sequence[Viewer], watch: Watch, url: str) -> int:
    """How many streams of one kind a gateway has handed back with the position to resume from."""
    return sum(viewer.ends[url, HANDED_BACK[watch]] for viewer in viewers if viewer.watch is watch)
