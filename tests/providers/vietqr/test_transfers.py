"""What notices of transfers do to a payment: read as the feeds send them, and decided by the domain."""

from app.domain.payment.events import MoneyToReturn, PaymentEvent, QrAction, QrMethod
from app.domain.payment.model import Captured, Existing, NotInitiated, outstanding_of
from app.domain.reports import ActionNeeded
from app.domain.transfer_codes import transfer_code_for
from app.providers.notices import RawNotice, TransferNamed
from tests.providers.builders import new_payment
from tests.providers.vietqr.feeds import (
    READERS,
    casso,
    casso_data,
    casso_older,
    casso_older_line,
    payos,
    payos_data,
    sepay,
    sepay_body,
)
from tests.support.builders import CANCEL, GivenPayment, call, payment, said

PRICE = 200_000
PAID = ["TransferReceived", "ActionCompleted", "PaymentCaptured"]


class Desk:
    """A payment that waits for its customer, and what it has become by the notices taken in."""

    def __init__(self) -> None:
        payment_id = new_payment()
        self.code = transfer_code_for(payment_id)
        needed = ActionNeeded(self.code, QrAction(payload="as shown"))
        method = QrMethod(provider="vietqr")
        begun = payment(payment_id=payment_id, amount=PRICE, currency="VND", method=method)
        self.given: GivenPayment = begun.after(call(), said(needed))

    async def take(self, told: RawNotice, feed: str = "sepay") -> list[PaymentEvent]:
        """What a notice changes."""
        (notice,) = await READERS[feed].read(told)
        assert notice.about == TransferNamed(self.code)
        assert notice.report is not None
        before = len(self.given.events)
        self.given = self.given.after(said(notice.report))
        return list(self.given.events[before:])

    async def paid(self, amount: int, reference: str) -> list[str]:
        """What SePay's notice of a transfer changes, by name."""
        told = sepay(sepay_body(content=self.code, transferAmount=amount, referenceCode=reference))
        return names(await self.take(told))

    @property
    def state(self) -> Existing:
        state = self.given.state
        assert not isinstance(state, NotInitiated)
        return state


def names(events: list[PaymentEvent]) -> list[str]:
    return [type(event).__name__ for event in events]


async def test_the_price_in_one_transfer_is_paid_for() -> None:
    desk = Desk()
    assert await desk.paid(PRICE, "FT1") == PAID
    assert isinstance(desk.state, Captured)


async def test_parts_add_up() -> None:
    desk = Desk()
    assert await desk.paid(150_000, "FT1") == ["TransferReceived"]
    assert outstanding_of(desk.state) == 50_000
    assert await desk.paid(50_000, "FT2") == PAID


async def test_what_is_too_much_or_comes_again_is_given_back() -> None:
    desk = Desk()
    assert await desk.paid(PRICE + 1, "FT1") == [*PAID, "MoneyToReturn"]
    assert await desk.paid(PRICE, "FT2") == ["TransferReceived", "MoneyToReturn"]
    returned = [event for event in desk.given.events if isinstance(event, MoneyToReturn)]
    assert [(event.reason, event.amount) for event in returned] == [("SURPLUS", 1), ("DUPLICATE", PRICE)]


async def test_what_comes_after_the_end_is_given_back() -> None:
    desk = Desk()
    desk.given = desk.given.after(CANCEL)
    assert await desk.paid(PRICE, "FT1") == ["TransferReceived", "MoneyToReturn"]


async def test_a_transfer_that_all_feeds_tell_of_twice_counts_once() -> None:
    desk = Desk()
    about = {"description": f"MBVCB.1.{desk.code}.CT tu", "amount": 150_000}
    told = [
        ("sepay", sepay(sepay_body(content=desk.code, transferAmount=150_000))),
        ("payos", payos(payos_data(**about))),
        ("casso", casso(casso_data(**about))),
        ("casso", casso_older(casso_older_line(**about))),
    ]
    changed = [names(await desk.take(notice, feed)) for feed, notice in told * 2]
    assert changed == [["TransferReceived"], *[[]] * 7]


async def test_another_transfer_of_the_same_amount_on_the_same_day_is_another() -> None:
    desk = Desk()
    assert await desk.paid(PRICE // 2, "FT1") == ["TransferReceived"]
    assert await desk.paid(PRICE // 2, "FT2") == PAID
