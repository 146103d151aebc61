"""What a line of PayPal's history is to us: money that came, money that went back, or nothing."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from app.domain.money import Money
from app.domain.reports import Unknown
from app.providers.answer import Answer
from app.providers.notices import PaymentNamed
from app.providers.paypal.statement import movements
from app.providers.statements import MovementKind, Span

DAY = Span(datetime(2026, 11, 25, tzinfo=UTC), datetime(2026, 11, 26, tzinfo=UTC))
LINE = {
    "transaction_id": "1AB",
    "transaction_event_code": "T0006",
    "transaction_status": "S",
    "transaction_initiation_date": "2026-11-25T10:00:00+0000",
    "transaction_amount": {"currency_code": "EUR", "value": "42.00"},
    "custom_field": "pay_1",
}
BACK = {
    "transaction_event_code": "T1107",
    "transaction_amount": {"currency_code": "EUR", "value": "-1.50"},
    "custom_field": "pay_1.refund.ref_1",
}


class History:
    """PayPal, as far as it lists; remembers what it was asked."""

    def __init__(self, *pages: list[Mapping[str, Any]], status: int = 200) -> None:
        self.asked: list[str] = []
        self._pages = pages
        self._status = status

    async def show(self, path: str) -> Answer:
        page = self._pages[len(self.asked)]
        self.asked.append(path)
        details: list[Any] = [{"transaction_info": line} for line in page]
        return Answer(self._status, {"transaction_details": details, "total_pages": len(self._pages)})


async def listed(*pages: list[Mapping[str, Any]], status: int = 200) -> Any:
    return await movements(History(*pages, status=status), DAY)  # type: ignore[arg-type]


async def test_a_payment_and_a_refund_are_told_of_by_our_own_names() -> None:
    charge, refund = await listed([LINE, {**LINE, **BACK}])
    assert (charge.kind, charge.reference, charge.money) == (MovementKind.CHARGE, "1AB", Money(4200, "EUR"))
    assert (refund.kind, refund.money) == (MovementKind.REFUND, Money(150, "EUR"))
    assert {charge.about, refund.about} == {PaymentNamed("pay_1")}  # type: ignore[arg-type]
    assert charge.at == datetime(2026, 11, 25, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    "changes",
    [
        {"transaction_status": "P"},
        {"transaction_status": "D"},
        {"transaction_event_code": "T0400"},
        {"transaction_event_code": "T1107"},
        {"transaction_amount": {"currency_code": "EUR", "value": "-42.00"}},
        {"transaction_amount": {"currency_code": "ZZZ", "value": "1"}},
        {"transaction_initiation_date": "yesterday"},
        {"transaction_initiation_date": "2026-11-26T00:00:00+0000"},
    ],
)
async def test_what_moves_nothing_of_ours_on_the_day_is_left_out(changes: dict[str, Any]) -> None:
    assert await listed([{**LINE, **changes}]) == []


async def test_money_under_no_name_is_listed_all_the_same() -> None:
    (found,) = await listed([{**LINE, "custom_field": None}])
    assert found.about is None


async def test_every_page_is_read_of_the_whole_day_to_the_second() -> None:
    history = History([LINE], [{**LINE, "transaction_id": "2AB"}])
    found = await movements(history, DAY)  # type: ignore[arg-type]
    assert not isinstance(found, Unknown)
    assert [each.reference for each in found] == ["1AB", "2AB"]
    begin = "start_date=2026-11-25T00%3A00%3A00Z&end_date=2026-11-25T23%3A59%3A59Z"
    assert history.asked == [
        f"/v1/reporting/transactions?{begin}&fields=transaction_info&page_size=500&page={page}" for page in (1, 2)
    ]


async def test_without_the_permission_there_is_no_list() -> None:
    found = await listed([], status=403)
    assert isinstance(found, Unknown)
    assert "Transaction Search" in found.reason
