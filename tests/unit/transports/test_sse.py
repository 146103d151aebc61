"""An event stream as a browser reads it: enisdenjo/graphql-sse, PROTOCOL.md; HTML Living Standard §9.2.6."""

import json
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.transports.sse import MalformedEventId, comment, complete_event, last_event_id, next_event

BODY = b'{"data":{"paymentStatus":{"status":"PAID"}}}'


@dataclass
class EventSource:
    """Interprets a stream as the HTML standard says, §9.2.6."""

    dispatched: list[tuple[str, str]] = field(default_factory=list)
    last_event_id: str = ""

    def read(self, stream: bytes) -> "EventSource":
        text = stream.decode("utf-8")
        assert text.endswith("\n\n"), "an unfinished event is discarded"
        for event in text[:-2].split("\n\n"):
            self._interpret(event.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
        return self

    def _interpret(self, lines: list[str]) -> None:
        data: list[str] = []
        kind = "message"
        for line in lines:
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            match name:
                case "data":
                    data.append(value)
                case "event":
                    kind = value
                case "id" if "\0" not in value:
                    self.last_event_id = value
                case _:
                    assert name in ("", "id"), f"unknown field {name}"
        if data:
            self.dispatched.append((kind, "\n".join(data)))


def test_a_result_is_a_next_event() -> None:
    """PROTOCOL.md, "Event stream": `next`, data: ExecutionResult."""
    assert next_event(BODY, None) == b"event: next\ndata: %b\n\n" % BODY


def test_a_position_is_the_event_s_id() -> None:
    """HTML §9.2.6: what `EventSource` sends as `Last-Event-ID` when it comes back."""
    source = EventSource().read(next_event(BODY, "17"))
    assert (source.dispatched, source.last_event_id) == ([("next", BODY.decode())], "17")


def test_an_event_without_position_keeps_the_one_before() -> None:
    assert EventSource().read(next_event(BODY, "17") + next_event(BODY, None)).last_event_id == "17"


def test_complete_has_an_empty_data_line_so_that_it_is_dispatched() -> None:
    """HTML §9.2.6: an event whose data buffer is empty is not dispatched, one with an empty line is."""
    assert complete_event() == b"event: complete\ndata:\n\n"
    assert EventSource().read(complete_event()).dispatched == [("complete", "")]


def test_a_comment_dispatches_nothing() -> None:
    assert comment() == b":\n\n"
    assert EventSource().read(comment() + next_event(BODY, None) + comment()).dispatched == [("next", BODY.decode())]


@given(
    st.recursive(st.none() | st.text(st.characters(exclude_categories=["Cs"])), st.lists, max_leaves=8),
    st.sampled_from([None, 0, 2]),
    st.sampled_from(["\n", "\r", "\r\n"]),
)
def test_any_json_arrives_as_it_was_however_it_is_laid_out(value: object, indent: int | None, line_end: str) -> None:
    body = json.dumps(value, ensure_ascii=False, indent=indent).replace("\n", line_end).encode()
    [(kind, data)] = EventSource().read(next_event(body, "1")).dispatched
    assert (kind, json.loads(data)) == ("next", value)


BAD_IDS = ["", "a\nb", "a\rb", "a\0b", "a b", "é", "a" * 513, "1\n\nevent: next\ndata: forged"]


@pytest.mark.parametrize("event_id", BAD_IDS)
def test_an_id_that_would_break_the_stream_is_never_written(event_id: str) -> None:
    with pytest.raises(ValueError, match="an event id is of visible ASCII characters"):
        next_event(BODY, event_id)


@pytest.mark.parametrize(
    ("header", "position"),
    [(None, None), ("", None), (" ", None), ("17", "17"), (" -1 ", "-1"), ("eyJhIjoxfQ==", "eyJhIjoxfQ==")],
)
def test_last_event_id_is_the_position_a_client_has(header: str | None, position: str | None) -> None:
    """HTML §9.2.4: an empty last event id is not sent, and one that is means nothing."""
    assert last_event_id(header) == position


@pytest.mark.parametrize("header", [each for each in BAD_IDS if each])
def test_a_last_event_id_nobody_gave_out_is_refused_without_an_echo(header: str) -> None:
    """Abuse case E3."""
    with pytest.raises(MalformedEventId) as fault:
        last_event_id(header)
    assert str(fault.value) == "Last-Event-ID: takes an id that this server gave out"
    assert fault.value.__cause__ is None
