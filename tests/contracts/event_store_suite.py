"""What `app.eventstore.port` promises, as tests against whatever the fixture `store` is.

The fixtures `category` and `stream` are names that no other test has.

An implementation is held to it by a test class that inherits `EventStoreSuite`.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from typing import TypeVar
from uuid import UUID, uuid4

import pytest

from app.eventstore.port import (
    NO_STREAM,
    Delivery,
    EventStore,
    NewEvent,
    RecordedEvent,
    StreamErased,
    WrongRevision,
)

PATIENCE_SECONDS = 20.0

Item = TypeVar("Item")


def new_events(count: int) -> list[NewEvent]:
    """Events with ids of their own."""
    return [NewEvent(uuid4(), "Happened", b'{"n":%d}' % number, b"{}") for number in range(count)]


def ids(events: Iterable[NewEvent | RecordedEvent]) -> list[UUID]:
    return [event.id for event in events]


def revisions(events: Iterable[RecordedEvent]) -> list[int]:
    return [event.revision for event in events]


async def take(items: AsyncGenerator[Item, None], count: int) -> list[Item]:
    """The next `count` of what comes; `items` stays open."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        return [await anext(items) for _ in range(count)]


async def settle(deliveries: Sequence[Delivery]) -> None:
    for delivery in deliveries:
        await delivery.ack()


class AppendAndReadSuite:
    async def test_what_is_appended_can_be_read(self, store: EventStore, stream: str) -> None:
        event = NewEvent(uuid4(), "Happened", b'{"some":"data"}', b'{"$correlationId":"c"}')
        await store.append(stream, [event], expected=NO_STREAM)
        assert await store.read(stream) == [
            RecordedEvent(event.id, stream, 0, "Happened", event.data, event.metadata, link_revision=None)
        ]

    async def test_a_stream_that_does_not_exist_is_empty(self, store: EventStore, stream: str) -> None:
        assert await store.read(stream) == []
        assert await store.read(stream, after=7) == []

    async def test_revisions_count_from_zero_and_reading_begins_after_one(self, store: EventStore, stream: str) -> None:
        await store.append(stream, new_events(5), expected=NO_STREAM)
        assert revisions(await store.read(stream)) == [0, 1, 2, 3, 4]
        assert revisions(await store.read(stream, after=2)) == [3, 4]
        assert await store.read(stream, after=4) == []
        assert await store.read(stream, after=40) == []

    async def test_appending_goes_on_after_the_expected_revision(self, store: EventStore, stream: str) -> None:
        first, second = new_events(2), new_events(2)
        await store.append(stream, first, expected=NO_STREAM)
        await store.append(stream, second, expected=1)
        assert ids(await store.read(stream)) == ids([*first, *second])

    @pytest.mark.parametrize("expected", [NO_STREAM, 0, 2, 40])
    async def test_any_other_expectation_is_refused_and_nothing_appended(
        self, store: EventStore, stream: str, expected: int
    ) -> None:
        written = new_events(2)
        await store.append(stream, written, expected=NO_STREAM)
        with pytest.raises(WrongRevision, match=f"{stream} is not at revision {expected}"):
            await store.append(stream, new_events(1), expected=expected)
        assert ids(await store.read(stream)) == ids(written)

    async def test_a_revision_is_not_to_be_had_in_a_stream_that_does_not_exist(
        self, store: EventStore, stream: str
    ) -> None:
        with pytest.raises(WrongRevision):
            await store.append(stream, new_events(1), expected=0)
        assert await store.read(stream) == []

    async def test_the_same_events_again_succeed_and_write_nothing(self, store: EventStore, stream: str) -> None:
        first, second = new_events(2), new_events(3)
        await store.append(stream, first, expected=NO_STREAM)
        await store.append(stream, second, expected=1)
        await store.append(stream, second, expected=1)
        assert ids(await store.read(stream)) == ids([*first, *second])

    async def test_a_repeat_succeeds_even_when_others_have_written_since(self, store: EventStore, stream: str) -> None:
        """So whoever did not hear of its success learns it by trying again."""
        first, second = new_events(2), new_events(2)
        await store.append(stream, first, expected=NO_STREAM)
        await store.append(stream, second, expected=1)
        await store.append(stream, first, expected=NO_STREAM)
        assert ids(await store.read(stream)) == ids([*first, *second])

    async def test_of_writers_at_the_same_place_one_wins(self, store: EventStore, stream: str) -> None:
        tries = [new_events(2) for _ in range(10)]
        outcomes = await asyncio.gather(
            *(store.append(stream, events, expected=NO_STREAM) for events in tries), return_exceptions=True
        )
        assert [type(outcome) for outcome in outcomes].count(WrongRevision) == 9
        assert ids(await store.read(stream)) == ids(tries[outcomes.index(None)])

    async def test_it_says_that_it_answers(self, store: EventStore) -> None:
        await store.check()


class EraseSuite:
    async def test_what_is_erased_reads_as_if_it_had_never_been(self, store: EventStore, stream: str) -> None:
        await store.append(stream, new_events(3), expected=NO_STREAM)
        await store.erase(stream)
        assert await store.read(stream) == []
        assert await store.read(stream, after=1) == []
        assert await store.head(stream) == NO_STREAM

    async def test_what_is_erased_is_not_brought_back_not_even_by_the_same_events(
        self, store: EventStore, stream: str
    ) -> None:
        written = new_events(1)
        await store.append(stream, written, expected=NO_STREAM)
        await store.erase(stream)
        for events, expected in ((written, NO_STREAM), (new_events(1), NO_STREAM), (new_events(1), 0)):
            with pytest.raises(StreamErased, match=f"{stream} was erased"):
                await store.append(stream, events, expected=expected)
        assert await store.read(stream) == []

    async def test_erasing_again_or_what_never_was_succeeds(self, store: EventStore, stream: str) -> None:
        await store.erase(stream)
        await store.erase(stream)
        with pytest.raises(StreamErased):
            await store.append(stream, new_events(1), expected=NO_STREAM)

    async def test_erasing_leaves_its_neighbours_and_the_places_in_its_category(
        self, store: EventStore, category: str
    ) -> None:
        erased, kept = f"{category}-1", f"{category}-2"
        written = new_events(2)
        await store.append(erased, new_events(1), expected=NO_STREAM)
        await store.append(kept, written[:1], expected=NO_STREAM)
        await store.erase(erased)
        await store.append(kept, written[1:], expected=0)
        assert ids(await store.read(kept)) == ids(written)
        async with aclosing(store.follow(f"$ce-{category}", after=0)) as events:
            seen = await take(events, 2)
        assert [(event.id, event.link_revision) for event in seen] == [(written[0].id, 1), (written[1].id, 2)]


class FollowSuite:
    async def test_a_stream_is_followed_from_its_start_into_the_future(self, store: EventStore, stream: str) -> None:
        past, future = new_events(2), new_events(2)
        await store.append(stream, past, expected=NO_STREAM)
        async with aclosing(store.follow(stream, after=None)) as events:
            assert ids(await take(events, 2)) == ids(past)
            await store.append(stream, future, expected=1)
            assert ids(await take(events, 2)) == ids(future)

    async def test_a_stream_is_followed_after_a_revision(self, store: EventStore, stream: str) -> None:
        await store.append(stream, new_events(4), expected=NO_STREAM)
        async with aclosing(store.follow(stream, after=1)) as events:
            assert revisions(await take(events, 2)) == [2, 3]

    async def test_a_stream_can_be_followed_before_it_exists(self, store: EventStore, stream: str) -> None:
        async with aclosing(store.follow(stream, after=None)) as events:
            first = asyncio.create_task(take(events, 1))
            written = new_events(1)
            await store.append(stream, written, expected=NO_STREAM)
            assert ids(await first) == ids(written)

    async def test_following_never_ends_by_itself(self, store: EventStore, stream: str) -> None:
        await store.append(stream, new_events(1), expected=NO_STREAM)
        async with aclosing(store.follow(stream, after=None)) as events:
            await take(events, 1)
            following = asyncio.create_task(take(events, 1))
            done, _ = await asyncio.wait({following}, timeout=0.3)
            assert not done
            await store.append(stream, new_events(1), expected=0)
            assert revisions(await following) == [1]

    async def test_a_category_is_followed_with_each_events_place_in_it(self, store: EventStore, category: str) -> None:
        one, other = f"{category}-1", f"{category}-2"
        await store.append(one, new_events(2), expected=NO_STREAM)
        await store.append(other, new_events(1), expected=NO_STREAM)
        await store.append(one, new_events(1), expected=1)
        async with aclosing(store.follow(f"$ce-{category}", after=None)) as events:
            seen = await take(events, 4)
        assert [(event.stream, event.revision, event.link_revision) for event in seen] == [
            (one, 0, 0),
            (one, 1, 1),
            (other, 0, 2),
            (one, 2, 3),
        ]

    async def test_a_category_is_followed_after_a_place_in_it(self, store: EventStore, category: str) -> None:
        async with aclosing(store.follow(f"$ce-{category}", after=None)) as events:
            await store.append(f"{category}-1", new_events(2), expected=NO_STREAM)
            await store.append(f"{category}-2", new_events(2), expected=NO_STREAM)
            await take(events, 4)
        async with aclosing(store.follow(f"$ce-{category}", after=1)) as events:
            seen = await take(events, 2)
        assert [(event.stream, event.link_revision) for event in seen] == [(f"{category}-2", 2), (f"{category}-2", 3)]

    async def test_a_category_is_not_the_one_whose_name_begins_alike(self, store: EventStore, category: str) -> None:
        await store.append(f"{category}s-1", new_events(1), expected=NO_STREAM)
        await store.append(f"{category}-1-2", new_events(1), expected=NO_STREAM)
        async with aclosing(store.follow(f"$ce-{category}", after=None)) as events:
            (event,) = await take(events, 1)
        assert event.stream == f"{category}-1-2"


class ConsumeSuite:
    async def test_a_group_is_given_past_and_future(self, store: EventStore, stream: str) -> None:
        past, future = new_events(2), new_events(1)
        await store.append(stream, past, expected=NO_STREAM)
        async with aclosing(store.consume(stream, group="g", at_once=10)) as deliveries:
            first = await take(deliveries, 2)
            assert ids(delivery.event for delivery in first) == ids(past)
            await settle(first)
            await store.append(stream, future, expected=1)
            (last,) = await take(deliveries, 1)
            assert ids([last.event]) == ids(future)
            await last.ack()

    async def test_a_category_is_consumed_as_the_events_themselves(self, store: EventStore, category: str) -> None:
        await store.append(f"{category}-1", new_events(1), expected=NO_STREAM)
        await store.append(f"{category}-2", new_events(1), expected=NO_STREAM)
        async with aclosing(store.consume(f"$ce-{category}", group="g", at_once=10)) as deliveries:
            events = [delivery.event for delivery in await take(deliveries, 2)]
        assert {(event.stream, event.revision) for event in events} == {(f"{category}-1", 0), (f"{category}-2", 0)}

    async def test_the_consumers_of_a_group_share_the_events(self, store: EventStore, stream: str) -> None:
        written = new_events(20)
        async with (
            aclosing(store.consume(stream, group="g", at_once=5)) as one,
            aclosing(store.consume(stream, group="g", at_once=5)) as other,
        ):
            waiting = [asyncio.create_task(take(each, 1)) for each in (one, other)]
            await store.append(stream, written, expected=NO_STREAM)
            seen: list[list[UUID]] = []
            for deliveries, first in zip((one, other), waiting, strict=True):
                mine = [*await first, *await take(deliveries, 4)]
                seen.append(ids(delivery.event for delivery in mine))
        assert len(set(seen[0]) | set(seen[1])) == 10
        assert set(seen[0]) | set(seen[1]) < set(ids(written))

    async def test_groups_do_not_take_events_from_one_another(self, store: EventStore, stream: str) -> None:
        written = new_events(3)
        await store.append(stream, written, expected=NO_STREAM)
        for group in ("g", "h"):
            async with aclosing(store.consume(stream, group=group, at_once=10)) as deliveries:
                seen = await take(deliveries, 3)
                await settle(seen)
            assert ids(delivery.event for delivery in seen) == ids(written)

    async def test_no_more_than_at_once_are_unsettled(self, store: EventStore, stream: str) -> None:
        await store.append(stream, new_events(4), expected=NO_STREAM)
        async with aclosing(store.consume(stream, group="g", at_once=2)) as deliveries:
            first, second = await take(deliveries, 2)
            third = asyncio.create_task(take(deliveries, 1))
            done, _ = await asyncio.wait({third}, timeout=0.3)
            assert not done
            await first.ack()
            (delivery,) = await third
            assert revisions([first.event, second.event, delivery.event]) == [0, 1, 2]

    async def test_what_is_put_back_comes_again(self, store: EventStore, stream: str) -> None:
        await store.append(stream, new_events(1), expected=NO_STREAM)
        async with aclosing(store.consume(stream, group="g", at_once=1)) as deliveries:
            (first,) = await take(deliveries, 1)
            await first.retry()
            (again,) = await take(deliveries, 1)
            await again.ack()
        assert again.event == first.event

    async def test_what_is_parked_does_not_come_again(self, store: EventStore, stream: str) -> None:
        await store.append(stream, new_events(2), expected=NO_STREAM)
        async with aclosing(store.consume(stream, group="g", at_once=1)) as deliveries:
            (first,) = await take(deliveries, 1)
            await first.park()
            (second,) = await take(deliveries, 1)
            await second.ack()
        assert revisions([first.event, second.event]) == [0, 1]
        async with aclosing(store.follow(f"$persistentsubscription-{stream}::g-parked", after=None)) as parked:
            assert await take(parked, 1) == [_as_parked(first.event)]

    async def test_what_a_consumer_leaves_unsettled_comes_to_another(self, store: EventStore, stream: str) -> None:
        written = new_events(3)
        await store.append(stream, written, expected=NO_STREAM)
        async with aclosing(store.consume(stream, group="g", at_once=10)) as deliveries:
            first, *_ = await take(deliveries, 3)
            await first.ack()
        async with aclosing(store.consume(stream, group="g", at_once=10)) as deliveries:
            seen = await take(deliveries, 2)
        assert ids(delivery.event for delivery in seen) == ids(written[1:])

    async def test_settling_after_the_end_harms_nobody(self, store: EventStore, stream: str) -> None:
        await store.append(stream, new_events(1), expected=NO_STREAM)
        async with aclosing(store.consume(stream, group="g", at_once=1)) as deliveries:
            (delivery,) = await take(deliveries, 1)
        await delivery.ack()
        await delivery.retry()
        await delivery.park()


def _as_parked(event: RecordedEvent) -> RecordedEvent:
    """A parked event is a link to it, at a place of its own."""
    return RecordedEvent(event.id, event.stream, event.revision, event.type, event.data, event.metadata, 0)


class EventStoreSuite(AppendAndReadSuite, EraseSuite, FollowSuite, ConsumeSuite):
    """All of it."""
