"""SePay: its webhook, and its API that lists what has arrived.

The webhook is described at developer.sepay.vn/en/sepay-webhooks. The API is version 2, GET /transactions
(developer.sepay.vn/en/sepay-api/v2/giao-dich/danh-sach), at most 3 requests a second. Unconfirmed: that an account's
number and the bank's reference are written there as in the webhook, letter for letter. A text into which a bank has put
spaces is not found by asking, for SePay compares letter for letter; the webhook still brings it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from urllib.parse import urlencode

from pydantic import SecretStr, ValidationError

from app.domain.reports import Unknown
from app.domain.transfer_codes import transfer_code_for
from app.providers.answer import Answer
from app.providers.http import ProviderHttp, ProviderRequest
from app.providers.notices import NoticeRefused, RawNotice
from app.providers.port import Query
from app.providers.statements import Span
from app.providers.strict_json import read_object
from app.providers.vietqr.feed import BankTime, CamelRead, Name, Read, Text, Whole, check_time, parsed
from app.providers.vietqr.movements import VIETNAM, Movement, vietnam_time
from app.providers.vietqr.signature import same, same_hexadecimal, sepay_signature
from app.providers.vietqr.statement import Statement

NAME = "sepay"

_MOST_LISTED = 100
_PAGES = 1000


class _Webhook(CamelRead):
    id: Whole
    transaction_date: BankTime
    account_number: Name
    content: Text
    transfer_type: Literal["in", "out"]
    transfer_amount: Whole
    reference_code: str | None = None


class _Line(Read):
    id: str
    transaction_date: BankTime
    account_number: Name
    amount_in: Whole
    transaction_content: Text
    reference_number: str | None = None


class _Pagination(Read):
    has_more: bool = False


class _Meta(Read):
    pagination: _Pagination = _Pagination()


class _List(Read):
    status: Literal["success"]
    data: list[_Line]
    meta: _Meta = _Meta()


def webhook(secret: SecretStr | None, api_key: SecretStr | None) -> Callable[[RawNotice], Sequence[Movement]]:
    """Reads SePay's webhooks, signed with `secret` or with `api_key` in their header, whichever there is."""

    def movements(raw: RawNotice) -> Sequence[Movement]:
        if secret is not None and "x-sepay-signature" in raw.headers:
            _check_signature(raw, secret.get_secret_value())
        elif api_key is None or not same(f"Apikey {api_key.get_secret_value()}", raw.headers.get("authorization", "")):
            raise NoticeRefused("signature")
        return _told(parsed(_Webhook, read_object(raw.body)))

    return movements


@dataclass(frozen=True)
class SepayStatement:
    """What SePay has seen arrive; a `BankStatement`."""

    http: ProviderHttp
    token: SecretStr
    account: str

    async def of(self, query: Query) -> Statement | Unknown:
        """The newest hundred that name the payment, oldest first."""
        code = transfer_code_for(query.terms.payment_id)
        answer = await self._listed(transaction_content=code, transfer_type="in", per_page=_MOST_LISTED)
        if isinstance(answer, Unknown):
            return answer
        lines = _lines(answer)
        if isinstance(lines, Unknown):
            return lines
        ours = [line for line in lines if line.account == self.account and line.code == code and line.amount > 0]
        return Statement(ours)

    async def between(self, span: Span) -> Sequence[Movement] | Unknown:
        """All that has arrived in the account, by the bank's time, oldest first; page by page."""
        found = list[Movement]()
        for page in range(1, _PAGES + 1):
            # Oldest first: what arrives meanwhile comes behind what has been read.
            answer = await self._listed(
                transfer_type="in",
                per_page=_MOST_LISTED,
                transaction_date_from=_bank_time(span.begin),
                transaction_date_to=_bank_time(span.end - timedelta(seconds=1)),
                transaction_date_sort="asc",
                page=page,
            )
            lines = answer if isinstance(answer, Unknown) else _listed(answer)
            if isinstance(lines, Unknown):
                return lines
            found.extend(map(_arrived, lines.data))
            if not lines.meta.pagination.has_more:
                return [each for each in found if each.account == self.account and each.amount > 0]
        return Unknown("there are more transfers than are looked through")

    async def _listed(self, **wanted: str | int) -> Answer | Unknown:
        headers = {"Authorization": f"Bearer {self.token.get_secret_value()}"}
        path = f"/transactions?{urlencode(wanted)}"
        return await self.http.send(ProviderRequest("GET", path, headers, turned_away=_too_many))


def _check_signature(raw: RawNotice, secret: str) -> None:
    timestamp = raw.headers.get("x-sepay-timestamp", "")
    scheme, _, given = raw.headers["x-sepay-signature"].partition("=")
    expected = sepay_signature(secret, timestamp, raw.body)
    if scheme != "sha256" or not same_hexadecimal(expected, given):
        raise NoticeRefused("signature")
    check_time(timestamp, 1, raw.received_at)


def _told(told: _Webhook) -> list[Movement]:
    amount = told.transfer_amount if told.transfer_type == "in" else -abs(told.transfer_amount)
    # Where the bank gives no reference, SePay's own number has to do: no other feed tells the same of it.
    reference = told.reference_code or f"sepay {told.id}"
    at = vietnam_time(told.transaction_date)
    return [Movement(told.account_number, reference, amount, at, told.content)]


def _lines(answer: Answer) -> list[Movement] | Unknown:
    listed = _listed(answer)
    if isinstance(listed, Unknown):
        return listed
    # Newest first; a line without the bank's reference could be a transfer that the webhook told of by another name.
    return [_arrived(line) for line in reversed(listed.data) if line.reference_number]


def _listed(answer: Answer) -> _List | Unknown:
    if not answer.positive:
        return Unknown(f"SePay answered {answer.status}")
    try:
        return _List.model_validate(answer.body)
    except ValidationError:
        return Unknown("SePay answered in a way nobody understands")


def _arrived(line: _Line) -> Movement:
    return Movement(
        line.account_number,
        line.reference_number or f"sepay {line.id}",
        line.amount_in,
        vietnam_time(line.transaction_date),
        line.transaction_content,
    )


def _bank_time(at: datetime) -> str:
    return f"{at.astimezone(VIETNAM):%Y-%m-%d %H:%M:%S}"


def _too_many(answer: Answer) -> bool:
    return answer.status == 429
