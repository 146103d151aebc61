"""(state, event) -> state."""

from collections.abc import Iterable

from app.domain.contact.events import ContactEvent, ContactRemoved
from app.domain.contact.model import Contacts


def fold(events: Iterable[ContactEvent], state: Contacts = Contacts()) -> Contacts:  # noqa: B008 — frozen
    """The state after `events`, from `state` or from nothing."""
    for event in events:
        state = evolve(state, event)
    return state


def evolve(state: Contacts, event: ContactEvent) -> Contacts:
    """The state after `event`, which may follow any."""
    others = {contact_id: contact for contact_id, contact in state.present.items() if contact_id != event.contact_id}
    return Contacts(others if isinstance(event, ContactRemoved) else {**others, event.contact_id: event})
