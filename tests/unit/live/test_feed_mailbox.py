"""Whatever is lost, and whenever the feed is read, a watcher of a merchant gets all of it once and in order."""

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.live.mailbox import FeedMailbox, SlowConsumer
from app.live.waiting import Everything, LatestPerPayment
from projections.merchant_feed import FeedEntry
from tests.unit.live.feed_entries import entry, feeds

PLENTY = 1_000_000


def mailbox_at(place: int, budget: int = PLENTY) -> FeedMailbox:
    mailbox = FeedMailbox(budget, Everything())
    mailbox.begin(place)
    return mailbox


def caught_up(place: int, budget: int = PLENTY) -> FeedMailbox:
    mailbox = mailbox_at(place, budget)
    mailbox.before_reading()
    mailbox.refill([], last=True)
    assert not mailbox.behind
    return mailbox


async def all_of(mailbox: FeedMailbox) -> list[FeedEntry]:
    return [await mailbox.take() for _ in iter(lambda: mailbox.empty, True)]


class Reader:
    """Plays hub and watcher: messages come or are lost, before, while and after the feed is read."""

    def __init__(self, data: st.DataObject, feed: list[FeedEntry], after: int) -> None:
        self.mailbox = mailbox_at(after)
        self.got: list[FeedEntry] = []
        self._data = data
        self._feed = feed
        self._written = data.draw(st.integers(0, len(feed)), label="written before")

    def write(self) -> None:
        """One more entry is written; its message may be lost."""
        if self._written < len(self._feed):
            written = self._feed[self._written]
            self._written += 1
            if self._data.draw(st.booleans(), label="arrives"):
                self.hear(written)

    def hear(self, message: FeedEntry) -> None:
        if not self.mailbox.offer(message):
            self.mailbox.fall_behind(message.place)

    def hear_again(self) -> None:
        """A message is late, or comes twice."""
        if self._written:
            self.hear(self._data.draw(st.sampled_from(self._feed[: self._written]), label="again"))

    async def read(self) -> None:
        """Take all that waits, or a page of the feed, while messages come."""
        self.got += await all_of(self.mailbox)
        if not self.mailbox.behind:
            return
        self.mailbox.before_reading()
        size = self._data.draw(st.integers(1, 4), label="page")
        retained = self._feed[: self._written]
        page = [each for each in retained if each.place > self.mailbox.place][:size]
        for _ in range(self._data.draw(st.integers(0, 2), label="meanwhile")):
            self.write()
        self.mailbox.refill(page, last=len(page) < size)

    async def finish(self) -> None:
        """All is written, and the sweep has looked."""
        self._written = len(self._feed)
        if self._feed[-1].place > self.mailbox.place:
            self.mailbox.fall_behind(self._feed[-1].place)
        while self.mailbox.behind or not self.mailbox.empty:
            await self.read()


@given(st.data(), feeds())
def test_each_entry_after_the_place_comes_once_and_in_order(data: st.DataObject, feed: list[FeedEntry]) -> None:
    async def play() -> None:
        after = data.draw(st.integers(-1, feed[-1].place), label="after")
        wanted = [each for each in feed if each.place > after]
        reader = Reader(data, feed, after)
        for step in data.draw(st.lists(st.sampled_from(("write", "again", "read")), max_size=30), label="steps"):
            if step == "read":
                await reader.read()
            else:
                reader.write() if step == "write" else reader.hear_again()
            assert reader.got == wanted[: len(reader.got)]
        await reader.finish()
        assert reader.got == wanted

    asyncio.run(play())


async def test_what_is_heard_while_the_feed_is_read_is_not_forgotten() -> None:
    mailbox = mailbox_at(3)
    mailbox.before_reading()
    assert mailbox.offer(entry(3, 7))
    mailbox.refill([], last=True)
    assert mailbox.behind


async def test_a_message_the_feed_knows_nothing_of_is_looked_for_once() -> None:
    """Redis has forgotten it; the projection will write it again."""
    mailbox = mailbox_at(3)
    assert mailbox.offer(entry(3, 7))
    mailbox.before_reading()
    mailbox.refill([], last=True)
    assert not mailbox.behind


async def test_a_reader_who_waits_is_woken_by_an_entry_and_by_a_hole() -> None:
    wakes: list[Callable[[FeedMailbox], object]] = [
        lambda mailbox: mailbox.offer(entry(3, 7)),
        lambda mailbox: mailbox.fall_behind(9),
    ]
    for wake in wakes:
        mailbox = caught_up(3)
        waiting = asyncio.create_task(mailbox.ready())
        await asyncio.sleep(0)
        assert not waiting.done()
        wake(mailbox)
        await waiting


async def test_a_reader_beyond_its_budget_is_told_where_it_was() -> None:
    mailbox = caught_up(3, budget=1)
    assert mailbox.offer(entry(3, 4))
    assert (await mailbox.take()).place == 4
    assert mailbox.offer(entry(4, 5))
    assert mailbox.offer(entry(5, 6))
    with pytest.raises(SlowConsumer) as fault:
        await mailbox.take()
    assert fault.value.position == 4


async def test_a_long_past_is_no_reason_to_send_a_reader_away() -> None:
    """What does not fit stays in the feed until there is room."""
    mailbox = mailbox_at(-1, budget=1)
    mailbox.before_reading()
    past = [entry(None, 0), *(entry(place - 1, place) for place in range(1, 10))]
    mailbox.refill(past, last=True)
    assert mailbox.behind
    assert mailbox.offer(entry(9, 10))
    assert await all_of(mailbox) == past


async def test_one_who_takes_the_latest_of_each_payment_gets_further_with_the_same_budget() -> None:
    one = entry(None, 0).size
    mailbox = FeedMailbox(2 * one, LatestPerPayment())
    mailbox.begin(-1)
    mailbox.before_reading()
    mailbox.refill([], last=True)
    for place in range(100):
        assert mailbox.offer(entry(place - 1 if place else None, place))
    (latest,) = await all_of(mailbox)
    assert (latest.place, latest.merged) == (99, 100)
