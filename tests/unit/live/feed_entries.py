"""Feeds of a merchant, made up."""

from functools import cache

from hypothesis import strategies as st

from app.domain.payment.model import PaymentStatus
from projections.fold import payment_updates
from projections.merchant_feed import FeedEntry
from projections.views import PaymentView, Update
from tests.support.builders import initiated

STATUSES = tuple(PaymentStatus)


def entry(
    previous: int | None,
    place: int,
    payment_id: str = "pay_1",
    *,
    version: int = 0,
    status: PaymentStatus = PaymentStatus.PROCESSING,
) -> FeedEntry:
    """An update of a payment, as if it stood at this place."""
    return FeedEntry(previous, place, payment_id, _update(payment_id, version, status))


@st.composite
def feeds(draw: st.DrawFn) -> list[FeedEntry]:
    """All updates of a few payments; between the places of two are those of other merchants."""
    changes = st.tuples(st.integers(1, 4), st.sampled_from(("pay_1", "pay_2", "pay_3")), st.sampled_from(STATUSES))
    entries: list[FeedEntry] = []
    versions: dict[str, int] = {}
    for step, payment_id, status in draw(st.lists(changes, min_size=1, max_size=20)):
        previous = entries[-1].place if entries else None
        version = versions[payment_id] = versions.get(payment_id, -1) + 1
        place = (-1 if previous is None else previous) + step
        entries.append(entry(previous, place, payment_id, version=version, status=status))
    return entries


@cache
def _update(payment_id: str, version: int, status: PaymentStatus) -> Update:
    view = _view(payment_id).model_copy(update={"version": version, "status": status})
    return Update(version - 1 if version else None, version, status.final, view.model_dump_json().encode())


@cache
def _view(payment_id: str) -> PaymentView:
    folded, _ = payment_updates([initiated(payment_id=payment_id)])
    assert folded is not None
    return folded.view
