"""Merged or not, what waits comes out in order and stands for everything that was put in."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.payment.model import PaymentStatus
from app.live.waiting import KEPT, LatestPerPayment
from projections.merchant_feed import FeedEntry
from tests.unit.live.feed_entries import STATUSES, entry, feeds

PROCESSING, REQUIRES_ACTION = PaymentStatus.PROCESSING, PaymentStatus.REQUIRES_ACTION


def passed(data: st.DataObject, entries: Sequence[FeedEntry]) -> list[FeedEntry]:
    """What a reader takes who reads now and then."""
    waiting, taken = LatestPerPayment(), list[FeedEntry]()
    for each in entries:
        waiting.put(each)
        assert waiting.bytes == sum(held.size for held in waiting._entries.values())
        for _ in range(data.draw(st.integers(0, len(waiting)), label="read")):
            taken.append(waiting.pop())
    while waiting:
        taken.append(waiting.pop())
    assert waiting.bytes == 0
    assert waiting._mergeable == {}
    return taken


def of_payment(payment_id: str, entries: Sequence[FeedEntry]) -> list[FeedEntry]:
    return [each for each in entries if each.payment_id == payment_id]


@given(st.data(), feeds())
def test_the_counts_add_up_to_all_there_was(data: st.DataObject, feed: list[FeedEntry]) -> None:
    taken = passed(data, feed)
    for payment_id in {each.payment_id for each in feed}:
        assert sum(each.merged for each in of_payment(payment_id, taken)) == len(of_payment(payment_id, feed))


@given(st.data(), feeds())
def test_a_value_stands_for_those_of_its_payment_since_the_value_before_it(
    data: st.DataObject, feed: list[FeedEntry]
) -> None:
    taken = passed(data, feed)
    for payment_id in {each.payment_id for each in feed}:
        stood_for = 0
        for value in of_payment(payment_id, taken):
            stood_for += value.merged
            last = of_payment(payment_id, feed)[stood_for - 1]
            assert (value.place, value.update) == (last.place, last.update)


@given(st.data(), feeds())
def test_places_rise_and_so_do_the_versions_of_each_payment(data: st.DataObject, feed: list[FeedEntry]) -> None:
    taken = passed(data, feed)
    places = [each.place for each in taken]
    assert places == sorted(set(places))
    for payment_id in {each.payment_id for each in taken}:
        versions = [each.update.version for each in of_payment(payment_id, taken)]
        assert versions == sorted(set(versions))


@given(st.data(), feeds())
def test_none_by_which_money_is_held_moves_or_will_not_is_missing(data: st.DataObject, feed: list[FeedEntry]) -> None:
    kept = [each.place for each in feed if each.update.payment.status in KEPT]
    taken = {each.place for each in passed(data, feed)}
    assert taken.issuperset(kept)


@given(st.data(), feeds())
def test_whoever_resumes_after_any_value_is_told_the_last_of_each_payment(
    data: st.DataObject, feed: list[FeedEntry]
) -> None:
    taken = passed(data, feed)
    seen = data.draw(st.integers(0, len(taken)), label="seen")
    after = taken[seen - 1].place if seen else -1
    known = taken[:seen] + passed(data, [each for each in feed if each.place > after])
    for payment_id in {each.payment_id for each in feed}:
        assert of_payment(payment_id, known)[-1].place == of_payment(payment_id, feed)[-1].place


def test_what_a_reader_did_not_take_in_time_is_merged_into_the_next() -> None:
    waiting = LatestPerPayment()
    waiting.put(entry(None, 0, "pay_1", status=PROCESSING))
    waiting.put(entry(0, 1, "pay_2", status=PROCESSING))
    waiting.put(entry(1, 5, "pay_1", status=REQUIRES_ACTION))
    waiting.put(entry(5, 7, "pay_1", status=PaymentStatus.SUCCEEDED))
    waiting.put(entry(7, 8, "pay_1", status=PaymentStatus.PARTIALLY_REFUNDED))
    values = [(each.payment_id, each.place, each.merged) for each in (waiting.pop() for _ in range(len(waiting)))]
    assert values == [("pay_2", 1, 1), ("pay_1", 7, 3), ("pay_1", 8, 1)]


@pytest.mark.parametrize("status", STATUSES)
def test_only_what_moves_no_money_may_be_merged(status: PaymentStatus) -> None:
    waiting = LatestPerPayment()
    waiting.put(entry(None, 0, status=status))
    waiting.put(entry(0, 1, version=1, status=PROCESSING))
    merged = status in (PaymentStatus.INITIATED, PaymentStatus.PROCESSING, PaymentStatus.REQUIRES_ACTION)
    assert len(waiting) == (1 if merged else 2)
