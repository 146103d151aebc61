"""Random histories, compared step by step with the model: streams, reads, categories, subscriptions."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from uuid import UUID, uuid4

import hypothesis.strategies as st
from esdbclient import EventStoreDBClient, NewEvent, RecordedEvent, StreamState
from esdbclient.exceptions import FailedPrecondition, NotFound, StreamIsDeleted, WrongCurrentVersion
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from tests.support.eventstore_process import EventStoreProcess

from .model import ANY, EXISTS, NO_STREAM, Expected, Model, Refusal

Result = TypeVar("Result")

STREAMS = ("a", "b", "c")
streams = st.sampled_from(STREAMS)
expectations = st.one_of(st.sampled_from([ANY, NO_STREAM, EXISTS, "last"]), st.integers(0, 4))
STATES = {ANY: StreamState.ANY, NO_STREAM: StreamState.NO_STREAM, EXISTS: StreamState.EXISTS}


class Histories(RuleBasedStateMachine):
    """Everything a client can do to three streams of a category of its own."""

    def __init__(self, client: EventStoreDBClient) -> None:
        super().__init__()
        self.client = client
        self.model = Model()
        self.category = f"model{uuid4().hex}"
        self.begin = client.get_commit_position()
        self.batches: list[tuple[str, Expected, list[str]]] = []

    @rule(name=streams, expected=expectations, count=st.integers(1, 3))
    def append(self, name: str, expected: Expected, count: int) -> None:
        ids = [str(uuid4()) for _ in range(count)]
        expected = self._resolved(name, expected)
        self.batches.append((name, expected, ids))
        self._append(name, expected, ids)

    @rule(data=st.data())
    def append_again(self, data: st.DataObject) -> None:
        """As a client does that got no answer; sometimes only a part, or with something new behind it."""
        if not self.batches:
            return
        name, expected, ids = data.draw(st.sampled_from(self.batches))
        ids = ids[: data.draw(st.integers(1, len(ids)))]
        if data.draw(st.booleans()):
            ids = [*ids, str(uuid4())]
        if data.draw(st.booleans()):
            expected = ANY
        self._append(name, expected, ids)

    @rule(name=streams, expected=expectations)
    def delete(self, name: str, expected: Expected) -> None:
        expected = self._resolved(name, expected)
        refusal = self.model.delete(name, expected)
        stream, state = self._stream(name), _state(expected)
        assert refusal == _refusal(lambda: self.client.delete_stream(stream, current_version=state))

    @rule(name=streams, expected=expectations, seldom=st.integers(0, 5))
    def tombstone(self, name: str, expected: Expected, seldom: int) -> None:
        if seldom:
            return
        expected = self._resolved(name, expected)
        refusal = self.model.tombstone(name, expected)
        stream, state = self._stream(name), _state(expected)
        assert refusal == _refusal(lambda: self.client.tombstone_stream(stream, current_version=state))

    @rule(name=streams, max_count=st.none() | st.integers(1, 4), truncate_before=st.integers(0, 4))
    def set_metadata(self, name: str, max_count: int | None, truncate_before: int) -> None:
        if self.model.stream(name).tombstoned:
            return
        metadata: dict[str, Any] = {"$tb": truncate_before}
        if max_count is not None:
            metadata["$maxCount"] = max_count
        self.model.set_metadata(name, max_count, truncate_before)
        self.client.set_stream_metadata(self._stream(name), metadata=metadata, current_version=StreamState.ANY)

    @rule(name=streams, first=st.none() | st.integers(0, 6), limit=st.integers(1, 5), backwards=st.booleans())
    def read(self, name: str, first: int | None, limit: int, backwards: bool) -> None:
        visible = None if self.model.stream(name).tombstoned else self.model.stream(name).visible()
        if visible is not None and backwards:
            visible = [each for each in visible if first is None or each[0] <= first][::-1]
        elif visible is not None:
            visible = [each for each in visible if each[0] >= (first or 0)]
        try:
            events = self.client.get_stream(self._stream(name), stream_position=first, backwards=backwards, limit=limit)
        except (NotFound, StreamIsDeleted):
            assert visible is None
        else:
            assert visible is not None
            assert [(event.stream_position, str(event.id)) for event in events] == visible[:limit]

    @invariant()
    def all_has_everything_in_the_order_of_commits(self) -> None:
        events = self.client.read_all(
            commit_position=self.begin, filter_include=(f"{self.category}-.*",), filter_by_stream_name=True
        )
        found = [_place(event) for event in events if event.type == "Happened"]
        assert found == self.model.committed

    def teardown(self) -> None:
        """At the end, who has followed the category from its start has seen what is still visible, in order."""
        visible = {
            (name, revision, event_id)
            for name, stream in self.model.streams.items()
            if not stream.tombstoned
            for revision, event_id in stream.visible() or ()
        }
        expected = [each for each in self.model.committed if each in visible]
        category = f"$ce-{self.category}"
        if self.model.committed:
            resolved = self.client.get_stream(category, resolve_links=True)
            assert [_place(event) for event in resolved] == expected
            assert len(self.client.get_stream(category)) == len(self.model.committed)
        with self.client.subscribe_to_stream(category, resolve_links=True) as subscription:
            followed = [_place(event) for _, event in zip(expected, subscription, strict=False)]
        assert followed == expected

    def _append(self, name: str, expected: Expected, ids: Sequence[str]) -> None:
        refusal = self.model.append(name, expected, ids)
        events = [NewEvent("Happened", b"{}", id=UUID(event_id)) for event_id in ids]
        stream, state = self._stream(name), _state(expected)
        # One event goes by Append, several by BatchAppend: both are held to the same model.
        sent: Any = events[0] if len(events) == 1 else events
        assert refusal == _refusal(lambda: self.client.append_to_stream(stream, current_version=state, events=sent))

    def _resolved(self, name: str, expected: Expected) -> Expected:
        """Turn "last" into the revision of the last event, so that histories go on."""
        if expected != "last":
            return expected
        last = self.model.stream(name).last
        return NO_STREAM if last < 0 else last

    def _stream(self, name: str) -> str:
        return f"{self.category}-{name}"


def test_any_history_agrees_with_the_model(server: EventStoreProcess) -> None:
    client = EventStoreDBClient(server.uri)
    run_state_machine_as_test(
        lambda: Histories(client),  # type: ignore[arg-type]  # anything that makes a machine will do
        settings=settings(
            max_examples=30,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    client.close()


def _place(event: RecordedEvent) -> tuple[str, int, str]:
    return event.stream_name.partition("-")[2], event.stream_position, str(event.id)


def _refusal(write: Callable[[], object]) -> Refusal | None:
    try:
        write()
    except WrongCurrentVersion:
        return Refusal.WRONG_VERSION
    except NotFound:
        return Refusal.NOT_FOUND
    except (StreamIsDeleted, FailedPrecondition):
        return Refusal.DELETED
    return None


def _state(expected: Expected) -> int | StreamState:
    return expected if isinstance(expected, int) else STATES[expected]
