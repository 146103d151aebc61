"""What an account at PayPal lists of a span of time (Transaction Search), which may be three hours late.

Described at developer.paypal.com/docs/api/transaction-search/v1; the app needs its permission "Transaction Search".
T00xx are payments received, T11xx money that went back. A payment's number in the list is that of its capture. Holds
are not listed. Unconfirmed: that `custom_field` of a refund is the refund's own, which here begins with the payment.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from app.domain.ids import PaymentId
from app.domain.reports import Unknown
from app.providers.notices import PaymentNamed
from app.providers.paypal import amounts
from app.providers.paypal.calls import PayPalCalls
from app.providers.paypal.documents import TransactionInfo, Transactions, parsed
from app.providers.statements import Movement, MovementKind, Span

_PATH = "/v1/reporting/transactions"
_PER_PAGE = 500
_PAGES = 100
_CHARGES, _REFUNDS = "T00", "T11"


async def movements(calls: PayPalCalls, span: Span) -> Sequence[Movement] | Unknown:
    """Every movement in `span`. Raises `ProviderUnreachable`."""
    found = list[Movement]()
    for page in range(1, _PAGES + 1):
        answer = await calls.show(f"{_PATH}?{urlencode(_asked(span, page))}")
        if isinstance(answer, Unknown):
            return answer
        listed = parsed(Transactions, answer.body) if answer.positive else None
        if listed is None:
            return Unknown(f"the list was answered {answer.status}; is the app allowed Transaction Search?")
        lines = [_movement(detail.transaction_info) for detail in listed.transaction_details]
        found.extend(line for line in lines if line and line.at in span)
        if page >= listed.total_pages:
            return found
    return Unknown("there are more pages than are looked through")


def _asked(span: Span, page: int) -> dict[str, str | int]:
    # Whole seconds, both ends included.
    last = span.end - timedelta(seconds=1)
    begin, end = (f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" for at in (span.begin, last))
    return {"start_date": begin, "end_date": end, "fields": "transaction_info", "page_size": _PER_PAGE, "page": page}


def _movement(line: TransactionInfo) -> Movement | None:
    value, code = line.transaction_amount, line.transaction_event_code[:3]
    money = amounts.read(value.currency_code, value.value.removeprefix("-"))
    leaves = value.value.startswith("-")
    # Refused and pending ones move nothing; one that was given back whole (V) did.
    if money is None or line.transaction_status not in ("S", "V") or (code, leaves) not in _KINDS:
        return None
    kind = _KINDS[code, leaves]
    named = (line.custom_field or line.invoice_id or "").partition(".")[0]
    about = PaymentNamed(PaymentId(named)) if named else None
    try:
        at = datetime.fromisoformat(line.transaction_initiation_date)
    except ValueError:
        return None
    return Movement(kind, line.transaction_id, money, at.replace(tzinfo=at.tzinfo or UTC), about)


_KINDS = {(_CHARGES, False): MovementKind.CHARGE, (_REFUNDS, True): MovementKind.REFUND}
