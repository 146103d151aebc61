import json
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given

from app.domain.payment.events import ActionCompleted, PaymentEvent, PaymentExpired
from app.eventstore.codec import Cause, UnreadableEvent, causation_of, decode, encode, new_cause
from app.eventstore.port import NO_STREAM, NewEvent, RecordedEvent
from app.eventstore.tokens import TokenKept
from app.eventstore.transact import CONTACTS, DELIVERIES, ENDPOINTS, ORDERS, PAYMENTS
from app.webhooks.unmatched import NoticeUnmatched, TransferAssigned
from tests.support.builders import NOW, initiated
from tests.support.commands import histories
from tests.support.positions import taken

CAUSE = Cause("pay_1")
STREAM = "payment-pay_1"
TYPES: dict[str, Any] = {
    **PAYMENTS.events,
    **ORDERS.events,
    **CONTACTS.events,
    **DELIVERIES.events,
    **ENDPOINTS.events,
    **{kind.__name__: kind for kind in (TokenKept, NoticeUnmatched, TransferAssigned)},
}
GOLDEN = Path(__file__).parents[2] / "golden" / "events.json"


def recorded(data: bytes, kind: str = "PaymentInitiated", metadata: bytes = b"") -> RecordedEvent:
    return RecordedEvent(uuid4(), STREAM, 7, kind, data, metadata)


def ids(stream: str, expected: int, events: list[PaymentEvent], cause: Cause = CAUSE) -> list[UUID]:
    return [event.id for event in encode(stream, expected, events, cause)]


def read_back(new: NewEvent, revision: int) -> PaymentEvent:
    return decode(RecordedEvent(new.id, STREAM, revision, new.type, new.data, new.metadata), PAYMENTS.events)


@given(histories())
def test_what_is_written_can_be_read(events: list[PaymentEvent]) -> None:
    written = encode(STREAM, NO_STREAM, events, CAUSE)
    assert [read_back(new, revision) for revision, new in enumerate(written)] == events


def test_the_same_events_at_the_same_place_have_the_same_ids_whoever_writes_them() -> None:
    events = list(taken().events)
    assert ids(STREAM, NO_STREAM, events) == ids(STREAM, NO_STREAM, events, Cause("another", "cause"))
    assert len(set(ids(STREAM, NO_STREAM, events))) == len(events)


def test_a_batch_has_the_ids_of_its_events_one_by_one() -> None:
    events = list(taken().events)
    one_by_one = [ids(STREAM, revision - 1, [event])[0] for revision, event in enumerate(events)]
    assert ids(STREAM, NO_STREAM, events) == one_by_one


def test_another_place_or_another_content_is_another_event() -> None:
    event = initiated()
    different = {
        *ids(STREAM, NO_STREAM, [event]),
        *ids(STREAM, 0, [event]),
        *ids("payment-pay_2", NO_STREAM, [event]),
        *ids(STREAM, NO_STREAM, [initiated(amount=1001)]),
        *ids(STREAM, NO_STREAM, [initiated(metadata={"a": 1})]),
    }
    assert len(different) == 5


def test_two_kinds_of_event_with_the_same_content_are_different_events() -> None:
    assert ids(STREAM, 3, [ActionCompleted(at=NOW)]) != ids(STREAM, 3, [PaymentExpired(at=NOW)])


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (b"hunter2", "not JSON"),
        (b"", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b'{"amount": "hunter2"}', "amount"),
        (b'{"method": {"kind": "card", "provider": ["hunter2"]}}', "method.card.provider"),
        (b'{"method": {"kind": "hunter2"}}', "method"),
        (b'{"at": "hunter2"}', "at"),
        (b'["hunter2"]', "PaymentInitiated"),
    ],
)
def test_what_cannot_be_read_is_named_by_its_place_and_never_by_its_content(data: bytes, place: str) -> None:
    with pytest.raises(UnreadableEvent) as unreadable:
        decode(recorded(data), PAYMENTS.events)
    message = str(unreadable.value)
    assert message.startswith(f"{STREAM}@7 is no valid PaymentInitiated: ")
    assert place in message
    assert "hunter2" not in message
    assert unreadable.value.__cause__ is None
    assert unreadable.value.__suppress_context__


def test_an_event_of_a_type_nobody_knows_is_unreadable_and_not_skipped() -> None:
    with pytest.raises(UnreadableEvent, match=f"{STREAM}@7 has the unknown type 'PaymentTeleported'"):
        decode(recorded(b"{}", "PaymentTeleported"), PAYMENTS.events)


def test_what_newer_code_added_is_left_out() -> None:
    newer = {**json.loads(initiated().model_dump_json()), "something": "new"}
    assert decode(recorded(json.dumps(newer).encode()), PAYMENTS.events) == initiated()


def test_what_follows_belongs_to_the_same_correlation_and_names_its_cause() -> None:
    (new,) = encode(STREAM, NO_STREAM, [initiated()], Cause("request-1", "cause-1"))
    assert json.loads(new.metadata) == {"$correlationId": "request-1", "$causationId": "cause-1"}
    event = RecordedEvent(new.id, STREAM, 0, new.type, new.data, new.metadata)
    assert causation_of(event) == Cause("request-1", str(new.id))


@pytest.mark.parametrize("metadata", [b"", b"{}", b"[]", b"not JSON", b"\xff", b"null"])
def test_an_event_without_a_correlation_begins_one_of_its_stream(metadata: bytes) -> None:
    event = recorded(b"{}", metadata=metadata)
    assert causation_of(event) == Cause(STREAM, str(event.id))


def test_a_callers_request_is_the_cause_when_it_is_known() -> None:
    request = uuid4()
    assert new_cause("pay_1", request) == Cause("pay_1", str(request))
    assert new_cause("pay_1") == Cause("pay_1")


class TestGolden:
    """Events as they were once stored. A change that breaks these cannot read what is in production."""

    STORED: dict[str, dict[str, Any]] = json.loads(GOLDEN.read_text())

    def test_there_is_one_of_every_type(self) -> None:
        assert {_kind(name) for name in self.STORED} == set(TYPES)

    @pytest.mark.parametrize("name", sorted(STORED))
    def test_what_was_once_stored_can_still_be_read_and_means_the_same(self, name: str) -> None:
        stored = self.STORED[name]
        event = decode(recorded(json.dumps(stored).encode(), _kind(name)), TYPES)
        again = json.loads(event.model_dump_json())
        # Fields that came later may be added; of what was stored, nothing is lost and nothing changed.
        assert _of_what_was_stored(again, stored) == stored


def _kind(name: str) -> str:
    return name.partition(",")[0]


def _of_what_was_stored(again: Any, stored: Any) -> Any:
    if isinstance(again, dict) and isinstance(stored, dict):
        return {name: _of_what_was_stored(again.get(name), stored[name]) for name in stored}
    return again
