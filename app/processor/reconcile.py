"""`paygate reconcile`: ask the providers now about what is not settled, without waiting for the schedule."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog

from app.access.vault import Unsealable
from app.domain.payment.evolve import ImpossibleHistory
from app.domain.payment.model import NotInitiated, PaymentState, status_of
from app.domain.payment.next_action import next_action
from app.eventstore.codec import Cause, UnreadableEvent, new_cause
from app.eventstore.port import EventStore, EventStoreError
from app.eventstore.transact import PAYMENTS, load
from app.processor.pump import Pump, UnknownProvider
from app.providers.port import ProviderUnreachable
from projections.readmodel import ReadModel

_MOST_DUE_OF_A_PARTITION = 10_000

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Asked:
    """One payment that was looked at: where it stood, where it stands, and what kept it from being asked about."""

    payment_id: str
    before: str
    after: str
    fault: str | None = None

    @property
    def moved(self) -> bool:
        """Whether anything came of it that a client can see."""
        return self.before != self.after


@dataclass(frozen=True)
class Reconciliation:
    """Looks at payments, `at_once` at a time."""

    store: EventStore
    read_model: ReadModel
    pump: Pump
    at_once: int

    async def run(self, *, everything: bool = False) -> list[Asked]:
        """Look at what is due by the read model or, with `everything`, at every payment there is in the event store.

        Raises `RedisError`, `StoreUnavailable`.
        """
        places = asyncio.Semaphore(self.at_once)
        async with asyncio.TaskGroup() as tasks:
            asked = [
                tasks.create_task(self._ask(payment_id, places)) async for payment_id in self._payments(everything)
            ]
        results = (task.result() for task in asked)
        return [result for result in results if result is not None]

    async def ask(self, payment_ids: Sequence[str]) -> list[Asked]:
        """Ask about these payments, whether or not there is anything to do. Raises `StoreUnavailable`."""
        places = asyncio.Semaphore(self.at_once)
        async with asyncio.TaskGroup() as tasks:
            asked = [tasks.create_task(self._ask_anyhow(payment_id, places)) for payment_id in payment_ids]
        return [task.result() for task in asked]

    async def _ask_anyhow(self, payment_id: str, places: asyncio.Semaphore) -> Asked:
        async with places:
            before = await load(self.store, PAYMENTS, payment_id)
            if isinstance(before.state, NotInitiated):
                return Asked(payment_id, "NONE", "NONE", "there is no such payment")
            return await self._looked_at(payment_id, before.state, self.pump.ask)

    async def _payments(self, everything: bool) -> AsyncIterator[str]:
        if not everything:
            now = self.pump.clock()
            for payment_id in await self.read_model.due("payment", now, at_most=_MOST_DUE_OF_A_PARTITION):
                yield payment_id
            return
        for link in await self.store.read("$ce-payment"):
            revision, _, stream = link.data.decode().partition("@")
            if revision == "0":
                yield PAYMENTS.entity_id(stream)

    async def _ask(self, payment_id: str, places: asyncio.Semaphore) -> Asked | None:
        async with places:
            before = (await load(self.store, PAYMENTS, payment_id)).state
            if next_action(before, self.pump.clock(), self.pump.policy) is None:
                return None
            return await self._looked_at(payment_id, before, self.pump.run)

    async def _looked_at(
        self, payment_id: str, before: PaymentState, look: Callable[[str, Cause], Awaitable[bool]]
    ) -> Asked:
        fault = None
        try:
            await look(payment_id, new_cause(payment_id))
        except (
            ProviderUnreachable,
            UnknownProvider,
            Unsealable,
            UnreadableEvent,
            ImpossibleHistory,
            EventStoreError,
        ) as problem:
            fault = f"{type(problem).__name__}: {problem}"
        after = (await load(self.store, PAYMENTS, payment_id)).state
        return Asked(payment_id, _status(before), _status(after), fault)


def summary(asked: list[Asked]) -> Counter[str]:
    """How many moved, stayed and could not be asked about."""
    return Counter("could not be asked" if each.fault else "moved" if each.moved else "unchanged" for each in asked)


def _status(state: PaymentState) -> str:
    return "NONE" if isinstance(state, NotInitiated) else status_of(state).value
