"""What an account at Stripe lists of a span of time: its intents and its refunds, by the second they were made in.

An intent is listed where it was begun, so what was begun before midnight and taken after it stands in the day before.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TypeVar

from app.domain.ids import PaymentId
from app.domain.reports import Unknown
from app.providers.http import ProviderHttp
from app.providers.notices import PaymentNamed
from app.providers.statements import Movement, MovementKind, Span
from app.providers.stripe.amounts import money_of
from app.providers.stripe.documents import ListedIntent, ListedIntents, ListedRefund, ListedRefunds, parsed
from app.providers.stripe.requests import Requests

_PAGES = 1000
_Page = TypeVar("_Page", ListedIntents, ListedRefunds)


async def movements(http: ProviderHttp, requests: Requests, span: Span) -> Sequence[Movement] | Unknown:
    """Every movement in `span`. Raises `ProviderUnreachable`."""
    intents = await _all(http, requests, "/v1/payment_intents", span, ListedIntents)
    if isinstance(intents, Unknown):
        return intents
    refunds = await _all(http, requests, "/v1/refunds", span, ListedRefunds)
    if isinstance(refunds, Unknown):
        return refunds
    charged = [_of_intent(intent) for page in intents for intent in page.data]
    given_back = [_of_refund(refund) for page in refunds for refund in page.data]
    return [movement for movement in (*charged, *given_back) if movement]


async def _all(
    http: ProviderHttp, requests: Requests, path: str, span: Span, model: type[_Page]
) -> list[_Page] | Unknown:
    pages, after = list[_Page](), None
    for _ in range(_PAGES):
        answer = await http.send(requests.listed(path, span, after))
        if isinstance(answer, Unknown):
            return answer
        page = parsed(model, answer.body) if answer.positive else None
        if page is None:
            return Unknown(f"the list was answered {answer.status}")
        pages.append(page)
        if not page.has_more or not page.data:
            return pages
        after = page.data[-1].id
    return Unknown("there are more pages than are looked through")


def _of_intent(intent: ListedIntent) -> Movement | None:
    kinds: dict[str, tuple[MovementKind, int]] = {
        "succeeded": (MovementKind.CHARGE, intent.amount_received),
        "requires_capture": (MovementKind.HOLD, intent.amount_capturable),
    }
    if intent.status not in kinds:
        return None
    kind, amount = kinds[intent.status]
    return _movement(kind, intent, amount, intent.payment_id)


def _of_refund(refund: ListedRefund) -> Movement | None:
    if refund.status != "succeeded":
        return None
    return _movement(MovementKind.REFUND, refund, refund.amount, refund.metadata.get("payment_id"))


def _movement(
    kind: MovementKind, document: ListedIntent | ListedRefund, amount: int, payment_id: str | None
) -> Movement:
    about = PaymentNamed(PaymentId(payment_id)) if payment_id else None
    at = datetime.fromtimestamp(document.created, UTC)
    return Movement(kind, document.id, money_of(amount, document.currency), at, about)
