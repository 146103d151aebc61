"""(command, state) -> events. `[]` when it is already so; a `Refusal` when it may not be."""

from app.domain.contact.events import ContactAdded, ContactEvent, ContactRemoved
from app.domain.contact.model import MOST_CONTACTS, AddContact, ContactCommand, Contacts, RemoveContact, TooManyContacts


def decide(command: ContactCommand, state: Contacts) -> list[ContactEvent]:
    """What `command` changes in `state`; raises `TooManyContacts`."""
    match command:
        case AddContact(contact):
            return _add(contact, state)
        case RemoveContact(contact_id) if contact_id in state.present:
            removed = ContactRemoved(contact_id=contact_id, reason=command.reason, detail=command.detail, at=command.at)
            return [removed]
        case RemoveContact():
            return []


def _add(contact: ContactAdded, state: Contacts) -> list[ContactEvent]:
    known = state.present.get(contact.contact_id)
    if known is None:
        if len(state.present) >= MOST_CONTACTS:
            raise TooManyContacts(f"{MOST_CONTACTS} are told of this already")
        return [contact]
    if known.fingerprint == contact.fingerprint:
        return []
    # Whoever changes the language is owed what they were owed before.
    return [contact.model_copy(update={"since": known.since})]
