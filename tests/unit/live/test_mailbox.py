"""A mailbox hands out an unbroken chain, whatever it is offered, and ends when its reader is too slow."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.live.mailbox import Mailbox, SlowConsumer
from projections.views import Update

PLENTY = 1_000_000


def update(previous: int | None, version: int, size: int = 1) -> Update:
    return Update(previous, version, final=False, shown=b"x" * size)


@st.composite
def histories(draw: st.DrawFn) -> list[Update]:
    """All updates of a payment; between the revisions of two may be events that nobody sees."""
    steps = draw(st.lists(st.integers(1, 4), min_size=0, max_size=12))
    updates = [update(None, 0)]
    for step in steps:
        before = updates[-1].version
        updates.append(update(before, before + step))
    return updates


def taken(mailbox: Mailbox[Update]) -> list[Update]:
    """All that waits, in order."""

    async def take_all() -> list[Update]:
        return [await mailbox.take() for _ in iter(lambda: mailbox.empty, True)]

    return asyncio.run(take_all())


def offer(mailbox: Mailbox[Update], updates: Sequence[Update]) -> bool:
    accepted = [mailbox.offer(each) for each in updates]
    return all(accepted)


@given(st.data(), histories())
def test_whatever_is_lost_doubled_or_late_each_update_comes_once_and_in_order(
    data: st.DataObject, history: list[Update]
) -> None:
    after = data.draw(st.integers(-1, history[-1].version), label="after")
    mailbox = Mailbox[Update](after, PLENTY)
    got: list[Update] = []
    wanted = [each for each in history if each.version > after]
    for _ in range(data.draw(st.integers(0, 30), label="steps")):
        if data.draw(st.booleans(), label="from history"):
            # All there was up to some time, as a reader of the stream finds it.
            known = history[: data.draw(st.integers(1, len(history)), label="known")]
            assert offer(mailbox, known)
        else:
            each = data.draw(st.sampled_from(history), label="message")
            missing = any(other.version < each.version for other in wanted[len(got) + _waiting(mailbox) :])
            assert mailbox.offer(each) is not missing
        if data.draw(st.booleans(), label="read"):
            got += taken(mailbox)
        assert [*got] == wanted[: len(got)]
    assert offer(mailbox, history)
    got += taken(mailbox)
    assert got == wanted


@given(st.data(), histories())
def test_without_a_position_it_begins_with_the_present_and_goes_on_from_there(
    data: st.DataObject, history: list[Update]
) -> None:
    mailbox = Mailbox[Update](None, PLENTY)
    begin = data.draw(st.integers(0, len(history) - 1))
    mailbox.offer(history[begin])
    for each in data.draw(st.lists(st.sampled_from(history))):
        mailbox.offer(each)
    offer(mailbox, history)
    assert taken(mailbox) == history[begin:]


async def test_a_reader_beyond_its_budget_is_told_where_it_was() -> None:
    mailbox = Mailbox[Update](-1, budget=10)
    assert offer(mailbox, [update(None, 0, 5), update(0, 2, 5)])
    assert (await mailbox.take()).version == 0
    offer(mailbox, [update(2, 3, 5), update(3, 4, 5)])
    with pytest.raises(SlowConsumer) as fault:
        await mailbox.take()
    assert fault.value.position == 0


async def test_a_reader_that_was_given_nothing_resumes_where_it_began() -> None:
    for after in (None, -1, 7):
        mailbox = Mailbox[Update](after, budget=10)
        begin = 7 if after is None else after
        offer(mailbox, [update(begin, begin + 1, 6), update(begin + 1, begin + 2, 6)])
        with pytest.raises(SlowConsumer) as fault:
            await mailbox.take()
        assert fault.value.position == after


async def test_one_update_larger_than_the_budget_gets_through() -> None:
    mailbox = Mailbox[Update](-1, budget=10)
    offer(mailbox, [update(None, 0, 100)])
    assert (await mailbox.take()).version == 0
    offer(mailbox, [update(0, 1, 100)])
    assert (await mailbox.take()).version == 1


async def test_a_reader_who_is_told_to_go_wants_nothing_more() -> None:
    """Neither memory for what comes later, nor a reading of the past to fill a hole."""
    mailbox = Mailbox[Update](-1, budget=10)
    offer(mailbox, [update(None, 0, 6), update(0, 1, 6)])
    assert mailbox.offer(update(1, 2, 6))
    assert mailbox.offer(update(8, 9, 6))
    assert mailbox.have == 1


async def test_what_is_offered_wakes_a_reader_who_waits() -> None:
    mailbox = Mailbox[Update](-1, budget=10)
    reading = asyncio.create_task(mailbox.take())
    await asyncio.sleep(0)
    assert not reading.done()
    mailbox.offer(update(None, 0))
    assert (await reading).version == 0


def _waiting(mailbox: Mailbox[Update]) -> int:
    return len(mailbox._waiting)


async def test_a_past_longer_than_its_budget_is_gone_through_page_by_page() -> None:
    """Whoever was sent away for it would come back to the same past, again and again."""
    mailbox = Mailbox[Update](-1, budget=10)
    past = [update(None, 0, 6), *(update(version - 1, version, 6) for version in range(1, 5))]
    got: list[int] = []
    for _ in past:
        mailbox.before_reading()
        assert mailbox.fill(past)
        got.append((await mailbox.take()).version)
    assert got == [0, 1, 2, 3, 4]
    assert mailbox.exhausted


async def test_news_while_there_is_no_room_for_the_past_is_left_to_the_past() -> None:
    mailbox = Mailbox[Update](-1, budget=10)
    assert mailbox.fill([update(None, 0, 6), update(0, 1, 6)])
    assert mailbox.behind
    assert mailbox.offer(update(1, 2, 6))
    assert (await mailbox.take()).version == 0
    await mailbox.ready()
    assert mailbox.empty
