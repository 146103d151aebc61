"""Who is told: added once, changed in place, removed once, and never too many."""

from typing import Any

import pytest

from app.domain.contact.decide import decide
from app.domain.contact.events import ContactEvent, ContactRemoved, EmailAdded, PushSubscriptionAdded
from app.domain.contact.evolve import fold
from app.domain.contact.model import MOST_CONTACTS, AddContact, RemoveContact, TooManyContacts
from tests.support.builders import NOW


def mail(contact_id: str = "mail_1", **changes: Any) -> EmailAdded:
    fields = {"contact_id": contact_id, "sealed_address": "sealed", "fingerprint": "f1", "locale": "en", "at": NOW}
    return EmailAdded(**{**fields, **changes})


def browser(contact_id: str = "push_1", **changes: Any) -> PushSubscriptionAdded:
    return PushSubscriptionAdded(**mail(contact_id, **changes).model_dump())


def test_each_channel_tells_its_own() -> None:
    contacts = fold([mail(), browser(), mail("mail_2")])
    assert contacts.by_mail == (mail(), mail("mail_2"))
    assert contacts.by_push == (browser(),)


def test_whoever_is_told_already_is_told_once() -> None:
    again = mail(sealed_address="the same address, sealed once more", since=7)
    assert decide(AddContact(again), fold([mail()])) == []


def test_another_language_takes_the_place_of_the_first_and_is_owed_what_that_was_owed() -> None:
    known = fold([browser(since=3)])
    (changed,) = decide(AddContact(browser(fingerprint="f2", locale="vi", since=9)), known)
    assert changed == browser(fingerprint="f2", locale="vi", since=3)
    assert fold([changed], known).by_push == (changed,)


def test_whoever_is_removed_is_told_no_more_and_may_come_back() -> None:
    added = fold([mail(), browser()])
    removal = RemoveContact("push_1", "gone", NOW, "HTTP 410")
    (removed,) = decide(removal, added)
    assert removed == ContactRemoved(contact_id="push_1", reason="gone", detail="HTTP 410", at=NOW)
    left = fold([removed], added)
    assert not left.by_push
    assert left.by_mail
    assert decide(removal, left) == []
    assert decide(AddContact(browser(since=5)), left) == [browser(since=5)]


def test_no_more_are_told_than_can_be() -> None:
    events: list[ContactEvent] = [browser(f"push_{number}") for number in range(MOST_CONTACTS)]
    full = fold(events)
    with pytest.raises(TooManyContacts):
        decide(AddContact(mail()), full)
    assert decide(AddContact(browser("push_0", fingerprint="f2")), full)
    assert decide(AddContact(mail()), fold([ContactRemoved(contact_id="push_0", reason="asked", at=NOW)], full))
