"""Bank transfers that name no payment, given to one by people.

First the transfer's own stream says whose it is, then the payment takes it in by the one door. Whoever stops in between
is followed by anybody who asks for the same again: the payment takes in each transfer once.
"""

from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.domain.ids import ID_GRAMMAR
from app.domain.money import Money
from app.domain.payment.events import Operation, TransferReceived
from app.domain.payment.model import Existing, NotInitiated, RecordReport, status_of
from app.domain.payment.transfers import transferred
from app.domain.reports import Transferred, Unknown
from app.eventstore.categories import so_far
from app.eventstore.codec import decode, new_cause
from app.eventstore.port import EventStore
from app.eventstore.transact import PAYMENTS, load, transact
from app.eventstore.transfer_codes import payment_of
from app.providers.notices import TransferNamed
from app.providers.port import ProviderUnreachable
from app.providers.registry import ProviderRegistry
from app.providers.statements import KeepsStatement, Movement, Span
from app.webhooks.unmatched import TransferAssigned, Unmatched, assign, keep, kept


class NotAssigned(Exception):
    """The transfer stays where it was; the message says why."""


class Progress(StrEnum):
    """How far a bank transfer has come."""

    UNASSIGNED = "unassigned"
    HALF_ASSIGNED = "half assigned"
    """Its stream says whose it is, and its payment has not taken it in."""
    ASSIGNED = "assigned"


@dataclass(frozen=True, slots=True)
class KeptTransfer:
    """A bank transfer that was kept for people. `reference` names it, whichever feed told of it."""

    reference: str
    money: Money
    unmatched: Unmatched
    progress: Progress

    @property
    def payment_id(self) -> str | None:
        """The payment it is assigned to."""
        return self.unmatched.assigned.payment_id if self.unmatched.assigned else None


@dataclass(frozen=True)
class Assigning:
    """Raises `StoreUnavailable` and `UnreadableEvent`, besides what its methods say."""

    store: EventStore
    clock: Callable[[], datetime]

    async def transfers(self) -> list[KeptTransfer]:
        """Every bank transfer that was kept, the oldest first."""
        return (await self.kept())[1]

    async def kept(self) -> tuple[list[Unmatched], list[KeptTransfer]]:
        """Everything that was kept for people, and of it the bank transfers; the oldest first."""
        notices = await kept(self.store)
        return notices, [await self._judged(one, money) for one in notices if (money := one.transfer)]

    async def assign(self, reference: str, payment_id: str, by: str) -> KeptTransfer:
        """Give a transfer to a payment, by its reference or the bank's own; again changes nothing.

        Raises `NotAssigned`; then nothing has changed.
        """
        if not by.strip():
            raise NotAssigned("say who assigns it: --by NAME")
        one, amount = _named(await kept(self.store), reference)
        found = await self._judged(one, amount)
        state = await self._payment(payment_id)
        if found.payment_id not in (None, payment_id):
            raise NotAssigned(f"the transfer {found.reference} is assigned to {found.payment_id}")
        if found.progress is not Progress.ASSIGNED:
            await self._check(found, payment_id, state)
        at = self.clock()
        assigned = await assign(self.store, found.unmatched, TransferAssigned(payment_id=payment_id, by=by, at=at))
        if assigned.assigned is None or assigned.assigned.payment_id != payment_id:
            other = assigned.assigned.payment_id if assigned.assigned else "nobody"
            raise NotAssigned(f"the transfer {found.reference} is assigned to {other}")
        command = RecordReport(Operation.AUTHORIZE, Transferred(found.reference, found.money), at)
        await transact(self.store, PAYMENTS, payment_id, command, new_cause(payment_id))
        return await self._judged(assigned, found.money)

    async def find(self, providers: ProviderRegistry, span: Span) -> int:
        """Keep what only a bank's own list tells of and nobody's payment has; how many are new.

        Raises `NotAssigned` when a list is not to be had.
        """
        listed = [movement for name in providers.offering("qr") for movement in await _listed(providers, name, span)]
        takers = await self._takers()
        found = 0
        for movement in listed:
            about = movement.about
            named = await payment_of(self.store, about.code or "") if isinstance(about, TransferNamed) else None
            if named is None and movement.reference not in takers:
                found += await keep(
                    self.store, movement.reader, movement.reference, movement.evidence, self.clock(), movement.money
                )
        return found

    async def _payment(self, payment_id: str) -> Existing:
        state = (
            (await load(self.store, PAYMENTS, payment_id)).state if ID_GRAMMAR.fullmatch(payment_id) else NotInitiated()
        )
        if isinstance(state, NotInitiated):
            raise NotAssigned(f"there is no payment {payment_id!r}")
        if state.terms.method.kind != "qr":
            raise NotAssigned(f"the payment {payment_id} is not by QR code or bank transfer: {state.terms.method.kind}")
        return state

    async def _check(self, found: KeptTransfer, payment_id: str, state: Existing) -> None:
        currency = state.terms.currency
        if found.money.currency != currency:
            raise NotAssigned(f"the transfer is in {found.money.currency}, the payment {payment_id} in {currency}")
        if transferred(Transferred(found.reference, found.money), state, self.clock()) is None:
            raise NotAssigned(f"the payment {payment_id} is {status_of(state)} and takes no transfer; try again later")
        taker = (await self._takers()).get(found.reference)
        if taker not in (None, payment_id):
            raise NotAssigned(f"the transfer {found.reference} counts for {taker} already")

    async def _takers(self) -> dict[str, str]:
        """The payment that has taken in each transfer, by whatever way: another feed may have named it."""
        takers = dict[str, str]()
        async with aclosing(so_far(self.store, PAYMENTS.category)) as events:
            async for event in events:
                if event.type == TransferReceived.__name__:
                    taken = decode(event, {TransferReceived.__name__: TransferReceived})
                    takers.setdefault(taken.reference, PAYMENTS.entity_id(event.stream))
        return takers

    async def _judged(self, one: Unmatched, money: Money) -> KeptTransfer:
        reference = one.notice.event_id
        if one.assigned is None:
            return KeptTransfer(reference, money, one, Progress.UNASSIGNED)
        state = (await load(self.store, PAYMENTS, one.assigned.payment_id)).state
        taken = not isinstance(state, NotInitiated) and any(each.reference == reference for each in state.transfers)
        return KeptTransfer(reference, money, one, Progress.ASSIGNED if taken else Progress.HALF_ASSIGNED)


async def _listed(providers: ProviderRegistry, name: str, span: Span) -> Sequence[Movement]:
    provider = providers.get(name)
    if provider is None or not isinstance(provider, KeepsStatement):
        return ()
    try:
        statement = await provider.statement(span)
    except ProviderUnreachable as fault:
        raise NotAssigned(str(fault)) from None
    if isinstance(statement, Unknown):
        raise NotAssigned(f"{name} did not list its transfers: {statement.reason}")
    return [movement for movement in statement or () if movement.reader]


def _named(notices: Sequence[Unmatched], name: str) -> tuple[Unmatched, Money]:
    wanted = [
        (one, money)
        for one in notices
        if (money := one.transfer) and name in (one.notice.event_id, one.notice.evidence.get("bank_reference"))
    ]
    if not wanted:
        raise NotAssigned(f"there is no transfer {name!r} that was kept; `paygate transfers` lists them")
    if len(wanted) > 1:
        references = ", ".join(one.notice.event_id for one, _ in wanted)
        raise NotAssigned(f"several transfers are {name!r} to the bank: {references}")
    return wanted[0]
