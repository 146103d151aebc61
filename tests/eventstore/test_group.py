"""The state machine of a group by itself: no server, no clock, every order of things."""

from itertools import count

import hypothesis.strategies as st
import pytest
from hypothesis import given
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from app.laptop.eventstore.events import RecordedEvent, ResolvedEvent
from app.laptop.eventstore.persistent.group import Consumer, Delivery, Group, Nack
from app.laptop.eventstore.persistent.settings import STRATEGIES, GroupSettings


def event(revision: int, stream: str = "order-1") -> ResolvedEvent:
    position = (revision + 1) * 100
    return ResolvedEvent(
        RecordedEvent(position, stream, revision, 0, position.to_bytes(16), "Happened", b"", b"", False)
    )


def group(size: int, **settings: int | str) -> tuple[Group, list[ResolvedEvent]]:
    """A group from the beginning of a stream, with so many of its events read."""
    made = Group(GroupSettings(**settings), after=-1, now=0.0)  # type: ignore[arg-type]  # the test's own values
    events = [event(revision) for revision in range(size)]
    made.read((each.original.revision, each) for each in events)
    return made, events


def sent(deliveries: list[Delivery]) -> list[tuple[int, int, int]]:
    return [(each.consumer, each.event.original.revision, each.retries) for each in deliveries]


def test_the_first_is_filled_before_the_second_by_dispatch_to_single() -> None:
    made, _ = group(5, strategy="DispatchToSingle")
    made.connect(Consumer(1, buffer_size=3))
    made.connect(Consumer(2, buffer_size=3))
    assert sent(made.dispatch(0.0)) == [(1, 0, 0), (1, 1, 0), (1, 2, 0), (2, 3, 0), (2, 4, 0)]


def test_each_gets_one_in_turn_by_round_robin() -> None:
    made, _ = group(5, strategy="RoundRobin")
    made.connect(Consumer(1, buffer_size=1))
    made.connect(Consumer(2, buffer_size=9))
    assert sent(made.dispatch(0.0)) == [(1, 0, 0), (2, 1, 0), (2, 2, 0), (2, 3, 0), (2, 4, 0)]


def test_an_answer_after_the_time_out_is_too_late() -> None:
    made, events = group(1, message_timeout_ms=1000)
    made.connect(Consumer(1, buffer_size=1))
    made.dispatch(0.0)
    made.tick(0.9)
    assert made.dispatch(0.9) == []
    made.tick(1.0)
    made.ack([events[0].original.id])
    assert sent(made.dispatch(1.0)) == [(1, 0, 1)]


def test_retries_go_first_and_in_order() -> None:
    made, events = group(4)
    made.connect(Consumer(1, buffer_size=3))
    made.dispatch(0.0)
    made.nack([events[2].original.id, events[0].original.id], Nack.RETRY, "")
    made.ack([events[1].original.id])
    assert sent(made.dispatch(1.0)) == [(1, 0, 1), (1, 2, 1), (1, 3, 0)]


def test_what_a_lost_consumer_had_is_not_parked_whatever_the_limit() -> None:
    made, _ = group(1, max_retry_count=0)
    lost = Consumer(1, buffer_size=1)
    made.connect(lost)
    made.dispatch(0.0)
    made.disconnect(lost)
    made.connect(Consumer(2, buffer_size=1))
    assert sent(made.dispatch(0.0)) == [(2, 0, 1)]
    assert made.take_parked() == []


def test_the_checkpoint_stays_before_the_lowest_that_is_not_done() -> None:
    made, events = group(5, max_checkpoint_count=1)
    made.connect(Consumer(1, buffer_size=5))
    made.dispatch(0.0)
    made.ack([events[1].original.id, events[2].original.id])
    assert made.checkpoint_due(0.0, by_time=False) is None
    made.ack([events[0].original.id])
    assert made.checkpoint_due(0.0, by_time=False) == 2


def test_by_time_a_checkpoint_needs_the_least_number_too() -> None:
    made, events = group(5, min_checkpoint_count=2, max_checkpoint_count=100, checkpoint_after_ms=1000)
    made.connect(Consumer(1, buffer_size=5))
    made.dispatch(0.0)
    made.ack([events[0].original.id])
    assert made.checkpoint_due(5.0, by_time=True) is None
    made.ack([events[1].original.id])
    assert made.checkpoint_due(0.5, by_time=True) is None
    assert made.checkpoint_due(5.0, by_time=False) is None
    assert made.checkpoint_due(5.0, by_time=True) == 1


def test_a_message_counts_as_done_only_once_it_is_safely_parked() -> None:
    made, events = group(1, max_checkpoint_count=1)
    made.connect(Consumer(1, buffer_size=1))
    made.dispatch(0.0)
    made.nack([events[0].original.id], Nack.PARK, "bad")
    parking = made.take_parked()[0]
    assert parking.reason == "bad"
    assert made.checkpoint_due(0.0, by_time=False) is None
    made.parked(parking.message)
    assert made.checkpoint_due(0.0, by_time=False) == 0


def test_replayed_messages_come_last_and_do_not_move_the_checkpoint() -> None:
    made, _ = group(2, max_checkpoint_count=1)
    replayed = event(7, "parked")
    made.replay([replayed])
    made.connect(Consumer(1, buffer_size=5))
    assert [revision for _, revision, _ in sent(made.dispatch(0.0))] == [0, 1, 7]
    made.ack([replayed.original.id])
    assert made.checkpoint_due(0.0, by_time=False) is None


def test_no_more_is_read_than_the_buffer_holds() -> None:
    made, _ = group(15, history_buffer_size=20, read_batch_size=10)
    made.connect(Consumer(1, buffer_size=3))
    assert not made.wants_more
    made.dispatch(0.0)
    assert not made.wants_more
    made.connect(Consumer(2, buffer_size=5))
    made.dispatch(0.0)
    assert made.wants_more


@given(streams=st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=60), consumers=st.integers(1, 5))
@pytest.mark.parametrize("strategy", ["Pinned", "PinnedByCorrelation"])
def test_pinned_keeps_a_stream_with_one_consumer(strategy: str, streams: list[str], consumers: int) -> None:
    made = Group(GroupSettings(strategy=strategy), after=-1, now=0.0)
    made.read((revision, event(revision, stream)) for revision, stream in enumerate(streams))
    for number in range(consumers):
        made.connect(Consumer(number, buffer_size=100))
    seen: dict[str, set[int]] = {}
    for delivery in made.dispatch(0.0):
        seen.setdefault(delivery.event.original.stream, set()).add(delivery.consumer)
    assert all(len(who) == 1 for who in seen.values())
    assert set(seen) == set(streams)


TIMEOUT = 3.0


class GroupLife(RuleBasedStateMachine):
    """Consumers come, answer or not, and go; nothing is lost, and the checkpoint never runs ahead."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.made = Group(
            GroupSettings(max_retry_count=2, message_timeout_ms=int(TIMEOUT * 1000), max_checkpoint_count=1), -1, 0.0
        )
        self.revision = 0
        self.numbers = count(1)
        self.consumers: dict[int, Consumer] = {}
        self.held: dict[bytes, Delivery] = {}
        self.sent_at: dict[bytes, float] = {}
        self.done: set[int] = set()
        self.checkpoint = -1

    @rule(number=st.integers(1, 5))
    def read(self, number: int) -> None:
        events = [event(self.revision + step) for step in range(number)]
        self.revision += number
        self.made.read((each.original.revision, each) for each in events)
        self._pump()

    @rule(buffer_size=st.integers(1, 4))
    def connect(self, buffer_size: int) -> None:
        consumer = Consumer(next(self.numbers), buffer_size)
        self.consumers[consumer.number] = consumer
        self.made.connect(consumer)
        self._pump()

    @precondition(lambda self: bool(self.consumers))
    @rule(data=st.data())
    def disconnect(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.consumers)))
        self.made.disconnect(self.consumers.pop(number))
        self.held = {key: each for key, each in self.held.items() if each.consumer != number}
        self._pump()

    @precondition(lambda self: bool(self.held))
    @rule(data=st.data(), action=st.sampled_from([None, *Nack]))
    def answer(self, data: st.DataObject, action: Nack | None) -> None:
        message_id = data.draw(st.sampled_from(sorted(self.held)))
        delivery = self.held.pop(message_id)
        if action is None:
            self.made.ack([message_id])
        else:
            self.made.nack([message_id], action, "")
        if action in (None, Nack.SKIP, Nack.STOP):
            self.done.add(delivery.event.original.revision)
        self._pump()

    @rule(seconds=st.sampled_from([1.0, 5.0]))
    def tick(self, seconds: float) -> None:
        self.now += seconds
        self.made.tick(self.now)
        self.held = {key: each for key, each in self.held.items() if self.now < self.sent_at[key] + TIMEOUT}
        self._pump()

    @invariant()
    def no_consumer_has_more_than_it_asked_for(self) -> None:
        assert all(0 <= each.in_flight <= each.buffer_size for each in self.consumers.values())
        assert self.made.in_flight == sum(each.in_flight for each in self.consumers.values())

    @invariant()
    def every_event_is_somewhere(self) -> None:
        elsewhere = self.made.waiting + self.made.retrying + self.made.in_flight
        assert len(self.done) + elsewhere == self.revision

    @invariant()
    def nothing_up_to_the_checkpoint_is_undone(self) -> None:
        place = self.made.checkpoint_due(self.now, by_time=False)
        if place is not None:
            assert place > self.checkpoint
            self.made.checkpoint_written(place, self.now)
            self.checkpoint = place
        assert set(range(self.checkpoint + 1)) <= self.done

    def _pump(self) -> None:
        for parking in self.made.take_parked():
            self.done.add(parking.message.event.original.revision)
            self.made.parked(parking.message)
        for delivery in self.made.dispatch(self.now):
            self.held[delivery.event.original.id] = delivery
            self.sent_at[delivery.event.original.id] = self.now


TestGroupLife = GroupLife.TestCase


def test_every_strategy_can_be_made() -> None:
    for strategy in STRATEGIES:
        assert group(1, strategy=strategy)[0].waiting == 1
