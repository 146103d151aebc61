"""Whom to tell, and what can be asked of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from app.domain.contact.events import ContactAdded, EmailAdded, PushSubscriptionAdded
from app.domain.refusals import Refusal

MOST_CONTACTS = 10
"""How many can be told of one payment or order at a time: whoever has a client secret may add one."""


@dataclass(frozen=True, slots=True)
class Contacts:
    """Those who are to be told, by contact id."""

    present: Mapping[str, ContactAdded] = field(default_factory=dict)

    @property
    def by_mail(self) -> tuple[EmailAdded, ...]:
        """Those with a mail address."""
        return tuple(contact for contact in self.present.values() if isinstance(contact, EmailAdded))

    @property
    def by_push(self) -> tuple[PushSubscriptionAdded, ...]:
        """Those with a browser."""
        return tuple(contact for contact in self.present.values() if isinstance(contact, PushSubscriptionAdded))


@dataclass(frozen=True, slots=True)
class AddContact:
    """Tell one more, or tell the same one otherwise."""

    contact: ContactAdded


@dataclass(frozen=True, slots=True)
class RemoveContact:
    """Tell one less."""

    contact_id: str
    reason: Literal["asked", "gone", "refused"]
    at: datetime
    detail: str | None = None


ContactCommand = AddContact | RemoveContact


@dataclass(frozen=True)
class TooManyContacts(Refusal):
    """As many are told as can be."""
