"""One run from an empty folder to the comparison of the books."""

import asyncio
import tempfile
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from app.eventstore import esdb
from app.eventstore.transact import DELIVERIES, ORDERS, PAYMENTS
from app.laptop.ports import free_ports
from benchmarks.limits import raise_file_limit
from benchmarks.mixed import figures
from benchmarks.mixed.checks import Books, Difference
from benchmarks.mixed.crowd import Crowd
from benchmarks.mixed.customer import Customer, open_browser
from benchmarks.mixed.figures import Figures
from benchmarks.mixed.floor import Floor
from benchmarks.mixed.kills import Kills, Progress
from benchmarks.mixed.machine import Machine
from benchmarks.mixed.merchant import Merchant, http_client
from benchmarks.mixed.plan import scenes
from benchmarks.mixed.providers import Providers
from benchmarks.mixed.read_model import everything
from benchmarks.mixed.settling import AllStreams, Patience
from benchmarks.mixed.shop import Shop, open_shop
from benchmarks.mixed.streams import Streams
from tests.support.stack import Stack

_WEBHOOK_SECONDS = 2.0
_LOOK_SECONDS = 2.0
_ROUND_SECONDS = 10.0
_LAG_SECONDS = 30.0
_STACK_SECONDS = 180.0
"""How long the stack may take to start, and to stop: the machine may be busy with other things too."""


@dataclass(frozen=True)
class Options:
    """`share` of all calls go wrong, at the providers and at the endpoint; `expiry` in seconds.

    After the last story the rest is waited for until that has got no further for `patience` seconds.
    For the rest see `python -m benchmarks.mixed --help` and `Shop`.
    """

    count: int
    seed: int
    at_once: int = 32
    share: float = 0.05
    kills: int = 3
    expiry: int = 20
    most_failures: int = 2
    patience: float = 200.0

    @property
    def environment(self) -> dict[str, str]:
        """What is other than by default: less patience, so that what does not answer does not fill the run."""
        return {
            "PAYGATE_PROVIDER_TIMEOUT": "3",
            "PAYGATE_WEBHOOK_TIMEOUT": str(_WEBHOOK_SECONDS),
            "PAYGATE_WEBHOOK_CONCURRENCY": "16",
            "PAYGATE_LOG_LEVEL": "warning",
        }


@dataclass
class Run:
    """Everything that is there while it runs."""

    options: Options
    stack: Stack
    merchant: Merchant
    providers: Providers
    shop: Shop
    endpoint_id: str
    streams: AllStreams
    floor: Floor
    machine: Machine
    seconds: dict[str, float] = field(default_factory=dict)

    async def play(self) -> Figures:
        """All stories, then what is left of them, then the books."""
        progress = Progress()
        crowd, kills = Crowd(self.floor, progress), Kills(self.stack)
        chance = Random(f"{self.options.seed}.kills")
        await self.providers.let_go_wrong(self.options.share, self.options.seed)
        began = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(self.machine.watch())
            tasks.create_task(kills.spread(self.options.kills, self.options.count, progress, chance))
            await crowd.play(scenes(self.options.count, self.options.seed), self.options.at_once)
            self.seconds["stories"] = time.monotonic() - began
            unfinished = await self._settle(began)
            watching.cancel()
        await self.providers.let_go_wrong(0.0, 0)
        books = await self.books()
        differences = await self._compare(books)
        return await self._figures(books, kills, crowd, unfinished, differences)

    async def _settle(self, began: float) -> list[str]:
        """What does not come to its end."""
        left = await self._until_final()
        self.seconds["until all was final"] = time.monotonic() - began
        owed = await self._until_told()
        self.seconds["until all was final and told"] = time.monotonic() - began
        return [*(f"{each} is not final" for each in left), *(f"{each} is not told" for each in owed)]

    async def _until_final(self) -> list[str]:
        """What stays unfinished."""
        patience = Patience(self.options.patience)
        while True:
            await self._end_what_is_left()
            a_while = Patience(min(_ROUND_SECONDS, patience.seconds))
            left = await self.streams.wait_until(
                self.streams.is_settled, self._everything, give_up=partial(a_while.is_out, 0)
            )
            # Of money that came late and that nobody told of, the streams learn when the provider is asked again.
            unheard = [] if left else (await self.books()).disagreeing()
            if not (left or unheard) or patience.is_out(-len(left or unheard)):
                return left
            await asyncio.sleep(_LOOK_SECONDS)

    async def _until_told(self) -> list[str]:
        """What the endpoint is not told of."""
        streams, patience = self.streams, Patience(self.options.patience)
        return await streams.wait_until(
            lambda subject: streams.is_told(self.endpoint_id, subject),
            self._everything,
            give_up=lambda: patience.is_out(streams.made() + self.shop.count),
        )

    def _everything(self) -> list[str]:
        """All payments and orders there are."""
        return [*self.streams.payments.histories, *self.streams.orders.histories]

    async def _end_what_is_left(self) -> None:
        """Nobody captures what is held any more, and nobody waits any more for what did not come."""
        await self.streams.caught_up()
        impatient, self.floor.impatient = self.floor.impatient, []
        for entity_id in {*self.streams.held(), *impatient}:
            if entity_id in self.streams.payments.histories:
                await self.merchant.command("cancelPayment", entity_id)
            else:
                await self.merchant.cancel_order(entity_id)

    async def books(self) -> Books:
        """What was written down so far."""
        return Books(self.streams, await self.providers.accounts(), self.shop.calls, self.endpoint_id)

    async def answers(self) -> dict[str, Any]:
        """What clients are answered about every payment and order there is, by id."""
        return await everything(self.merchant, list(self.streams.orders.histories))

    async def _compare(self, books: Books) -> list[Difference]:
        """The read model may be a moment behind: differences are those that stay."""
        patience = Patience(_LAG_SECONDS)
        while True:
            await self.streams.caught_up()
            differences = books.differences(await self.answers())
            if not differences or patience.is_out(-len(differences)):
                return differences
            await asyncio.sleep(1.0)

    async def _figures(
        self,
        books: Books,
        kills: Kills,
        crowd: Crowd,
        unfinished: list[str],
        differences: list[Difference],
    ) -> Figures:
        calls, faults = await self.providers.record()
        options, took = self.options, self.seconds
        took["stories a second"] = options.count / took["stories"]
        return Figures(
            settings={
                "count": options.count,
                "seed": options.seed,
                "at once": options.at_once,
                "share of faults": options.share,
                **options.environment,
            },
            machine=self.machine.figures(),
            processor_seconds=self.machine.processor_seconds(),
            seconds={name: round(value, 1) for name, value in took.items()},
            begun=figures.begun_by_kind(self.floor),
            outcomes=figures.outcomes(books),
            to_final=figures.times_to_final(books, self.floor.begun),
            provider_calls=calls,
            faults=figures.by_name(faults),
            endpoint={
                **figures.deliveries(books),
                "faults": figures.by_name(self.shop.faults),
                "not verified": self.shop.unverified,
            },
            kills=figures.by_name(kills.done),
            crashes=figures.by_name(kills.crashes()),
            sent_again=figures.by_name(self.merchant.again),
            for_people=figures.for_people(books),
            unfinished=unfinished,
            broken=crowd.broken,
            differences=differences,
            evidence={each.entity_id: books.evidence(each.entity_id) for each in differences},
        )


async def run(options: Options, log: Path) -> Figures:
    """Begin with an empty folder, and leave nothing behind but what the processes printed, in the file `log`."""
    raise_file_limit()
    async with opened(options) as running:
        try:
            return await running.play()
        finally:
            await asyncio.to_thread(_keep, running.stack.log(), log)


def _keep(text: str, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@asynccontextmanager
async def opened(options: Options) -> AsyncGenerator[Run, None]:
    """All of it started, in an empty folder, and stopped after the block."""
    async with AsyncExitStack() as exits:
        folder = exits.enter_context(tempfile.TemporaryDirectory(prefix="paygate-mixed-"))
        stack = Stack(Path(folder), free_ports(1)[0], **options.environment)
        exits.callback(stack.stop, _STACK_SECONDS)
        await asyncio.to_thread(stack.start, _STACK_SECONDS)
        merchant = Merchant(await exits.enter_async_context(http_client(stack.url.removesuffix("/graphql"))))
        browser = await exits.enter_async_context(open_browser())
        ports = {name: each["port"] for name, each in stack.processes().items()}
        sandbox = f"http://127.0.0.1:{ports['sandbox']}"
        shop = Shop(options.share, options.most_failures, _WEBHOOK_SECONDS + 1, Random(f"{options.seed}.shop"))
        address = await exits.enter_async_context(open_shop(shop))
        endpoint_id, shop.secret = await merchant.register(address)
        uri = f"esdb://127.0.0.1:{ports['eventstore']}?tls=false"
        streams = await exits.enter_async_context(_followed(uri))
        floor = Floor(merchant, Customer(browser, sandbox), options.expiry)
        yield Run(
            options, stack, merchant, Providers(browser, sandbox), shop, endpoint_id, streams, floor, Machine(stack)
        )


@asynccontextmanager
async def _followed(uri: str) -> AsyncGenerator[AllStreams, None]:
    async with esdb.connect(uri) as store, asyncio.TaskGroup() as tasks:
        streams = AllStreams(Streams(store, PAYMENTS), Streams(store, ORDERS), Streams(store, DELIVERIES))
        following: list[asyncio.Task[Any]] = [
            tasks.create_task(each.follow()) for each in (streams.payments, streams.orders, streams.deliveries)
        ]
        yield streams
        for task in following:
            task.cancel()
