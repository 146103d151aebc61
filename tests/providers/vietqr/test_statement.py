"""SePay's list of a day: in Vietnam's time, oldest first, to its last page."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from pydantic import SecretStr

from app.domain.reports import Unknown
from app.providers.answer import Answer
from app.providers.http import ProviderRequest
from app.providers.statements import Span
from app.providers.vietqr.sepay import SepayStatement

DAY = Span(datetime(2026, 11, 25, tzinfo=UTC), datetime(2026, 11, 26, tzinfo=UTC))


class Pages:
    """SePay, as far as it lists; remembers what it was asked."""

    def __init__(self, *pages: list[dict[str, Any]]) -> None:
        self.asked: list[dict[str, list[str]]] = []
        self._pages = pages

    async def send(self, request: ProviderRequest) -> Answer:
        page = self._pages[len(self.asked)]
        self.asked.append(parse_qs(urlsplit(request.path).query))
        more = len(self.asked) < len(self._pages)
        return Answer(200, {"status": "success", "data": [*page], "meta": {"pagination": {"has_more": more}}})


def line(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "id": f"id-{number}",
        "transaction_date": f"2026-11-25 19:00:0{number}",
        "account_number": "0011",
        "amount_in": 1000 + number,
        "transaction_content": "no code",
        "reference_number": f"FT{number}",
        **changes,
    }


async def test_every_page_of_the_day_is_read_and_only_of_the_account() -> None:
    pages = Pages([line(1), line(2, account_number="other")], [line(3), line(4, amount_in=0)])
    found = await SepayStatement(pages, SecretStr("t"), "0011").between(DAY)  # type: ignore[arg-type]
    assert not isinstance(found, Unknown)
    assert [each.reference for each in found] == ["0011-2026-11-25-FT1-1001", "0011-2026-11-25-FT3-1003"]
    assert [asked["page"] for asked in pages.asked] == [["1"], ["2"]]
    assert pages.asked[0]["transaction_date_from"] == ["2026-11-25 07:00:00"]
    assert pages.asked[0]["transaction_date_to"] == ["2026-11-26 06:59:59"]
    assert pages.asked[0]["transaction_date_sort"] == ["asc"]
