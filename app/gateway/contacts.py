"""Whom to tell of a payment or order: a mail address that came with the request, and browsers that watch."""

import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeVar

from pydantic import BaseModel, SecretStr

from app.access.model import Caller
from app.access.permissions import can_have_told
from app.access.vault import CUSTOMER_ADDRESSES, Vault
from app.destinations import Destinations, NotAllowed, NotFound
from app.domain.contact.events import EmailAdded, PushSubscriptionAdded
from app.domain.contact.model import AddContact, ContactCommand, RemoveContact, TooManyContacts
from app.domain.ids import MerchantId, OrderId, PaymentId
from app.domain.order.model import NotPlaced
from app.domain.payment.model import NotInitiated
from app.domain.refusals import Refusal
from app.eventstore.codec import new_cause
from app.eventstore.port import EventStore, StreamErased
from app.eventstore.transact import CONTACTS, ORDERS, PAYMENTS, Kind, load, transact
from app.gateway.inflight import InFlight
from app.gateway.push_requests import SubscribeToPushRequest, UnsubscribeFromPushRequest
from app.gateway.requests import FieldProblem, InvalidRequest, Notify

Event = TypeVar("Event", bound=BaseModel)
Command = TypeVar("Command")
State = TypeVar("State")
Result = TypeVar("Result")


class NobodyThere(Exception):
    """There is no such payment or order, or the caller may not know of it, which looks the same."""

    def __init__(self, kind: Literal["payment", "order"]) -> None:
        super().__init__(f"there is no such {kind}")
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Channels:
    """By what customers can be told here. `push_key` is the public key browsers subscribe with, None without push."""

    mail: bool = False
    push_key: str | None = None

    def check(self, notify: Notify | None) -> None:
        """Raises `InvalidRequest` when somebody is to be told by mail and there is none."""
        if notify is not None and not self.mail:
            raise _refused("notify.email", "mail_off", "mail is not switched on here (PAYGATE_SMTP_URL)")

    def check_push(self) -> None:
        """Raises `InvalidRequest` when there is no push."""
        if self.push_key is None:
            raise _refused("endpoint", "push_off", "push is not switched on here (PAYGATE_PUSH_PRIVATE_KEY)")


NO_CHANNELS = Channels()


def content_of(notify: Notify | None) -> dict[str, object]:
    """What whom to tell adds to a request's content.

    Nothing when it is nobody: requests from before there was such a field are the same as ever.
    """
    return {} if notify is None else {"notify": [notify.email.get_secret_value(), notify.locale]}


def email_of(notify: Notify | None, subject: str, fingerprint: str, vault: Vault, now: datetime) -> EmailAdded | None:
    """The contact that the request with this fingerprint names; of another request it is another contact."""
    if notify is None:
        return None
    return EmailAdded(
        contact_id=f"mail_{vault.address_digest(notify.email, subject, fingerprint)}",
        sealed_address=vault.seal(notify.email, CUSTOMER_ADDRESSES),
        fingerprint=vault.address_digest(notify.email, subject, notify.locale),
        locale=notify.locale,
        at=now,
    )


async def begin_told(
    store: EventStore,
    kind: Kind[Event, Command, State],
    subject: str,
    command: Command,
    contact: EmailAdded | None,
    begin: Callable[[], Awaitable[Result]],
) -> Result:
    """What `begin` answers, which begins a payment or order by `command`; its contact is kept before.

    So that its first change is told too. When `command` is refused, nothing is kept: nobody comes to hear of what is
    somebody else's. Raises what `begin` raises, and `StoreUnavailable`.
    """
    if contact is None or not await _is_accepted(store, kind, subject, command):
        return await begin()
    with suppress(StreamErased):  # whoever was to be told is forgotten for good
        await transact(store, CONTACTS, subject, AddContact(contact), new_cause(subject))
    try:
        return await begin()
    except Refusal:
        # Somebody with the same key and other content came in between.
        removal = RemoveContact(contact.contact_id, "refused", contact.at)
        await transact(store, CONTACTS, subject, removal, new_cause(subject))
        raise


async def _is_accepted(store: EventStore, kind: Kind[Event, Command, State], subject: str, command: Command) -> bool:
    known = await load(store, kind, subject)
    try:
        kind.decide(command, known.state)
    except Refusal:
        return False
    return True


@dataclass(frozen=True)
class PushSubscriptions:
    """The browsers that are told of a payment.

    The commands raise `InvalidRequest`, `NobodyThere` and `StoreUnavailable`; again, they change nothing.
    """

    store: EventStore
    vault: Vault
    channels: Channels
    clock: Callable[[], datetime]
    in_flight: InFlight
    destinations: Destinations

    async def subscribe(self, caller: Caller, request: SubscribeToPushRequest) -> None:
        """Tell a browser of every change from now on."""
        self.channels.check_push()
        subject = request.subject
        since = await self._version(caller, request)
        await self._check_endpoint(request.endpoint)
        keys = {"p256dh": request.p256dh.get_secret_value(), "auth": request.auth.get_secret_value()}
        address = SecretStr(json.dumps({"endpoint": request.endpoint.get_secret_value(), "keys": keys}))
        contact = PushSubscriptionAdded(
            contact_id=self._contact_id(request),
            sealed_address=self.vault.seal(address, CUSTOMER_ADDRESSES),
            fingerprint=self.vault.address_digest(address, subject, request.locale),
            locale=request.locale,
            since=since,
            at=self.clock(),
        )
        try:
            await self._change(subject, AddContact(contact))
        except TooManyContacts as refusal:
            raise _refused("endpoint", "too_many", refusal.message) from None
        except StreamErased:
            field = "orderId" if request.payment_id is None else "paymentId"
            raise _refused(field, "contacts_erased", "nobody is told of it any more") from None

    async def unsubscribe(self, caller: Caller, request: UnsubscribeFromPushRequest) -> None:
        """Tell a browser no more."""
        await self._version(caller, request)
        await self._change(request.subject, RemoveContact(self._contact_id(request), "asked", self.clock()))

    async def _check_endpoint(self, endpoint: SecretStr) -> None:
        try:
            await self.destinations.check(endpoint.get_secret_value())
        except NotAllowed as refusal:
            # Its own message may name the host.
            public = "is not on the public internet"
            message = public if refusal.code == "address_not_public" else refusal.message
            raise _refused("endpoint", refusal.code, message) from None
        except NotFound:
            raise _refused("endpoint", "address_not_found", "has no address at present") from None

    async def _version(self, caller: Caller, request: UnsubscribeFromPushRequest) -> int:
        if request.payment_id is not None:
            payment = await load(self.store, PAYMENTS, request.payment_id)
            known = not isinstance(payment.state, NotInitiated) and can_have_told(
                caller, PaymentId(request.payment_id), MerchantId(payment.state.terms.merchant_id)
            )
            revision = payment.revision
        else:
            order = await load(self.store, ORDERS, request.subject)
            known = not isinstance(order.state, NotPlaced) and can_have_told(
                caller, OrderId(request.subject), MerchantId(order.state.terms.merchant_id)
            )
            revision = order.revision
        if not known:
            raise NobodyThere("order" if request.payment_id is None else "payment")
        return revision

    def _contact_id(self, request: UnsubscribeFromPushRequest) -> str:
        return f"push_{self.vault.address_digest(request.endpoint, request.subject)}"

    async def _change(self, subject: str, command: ContactCommand) -> None:
        await self.in_flight.finish(transact(self.store, CONTACTS, subject, command, new_cause(subject)))


def _refused(field: str, code: str, message: str) -> InvalidRequest:
    return InvalidRequest((FieldProblem(field, code, f"{field}: {message}"),))
