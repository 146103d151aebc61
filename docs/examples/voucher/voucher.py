"""A payment provider from outside the package: gift vouchers, paid by a click on a page.

The voucher office answers a fixed address of ours, so that this file is all there is to it:

    POST /vouchers {"id", "amount", "currency", "back"}  ->  201 {"id", "state": "open", "page"}
    GET  /vouchers/{id}                                  ->  200 {"id", "state": "open" | "used" | "void"}, or 404
    POST /vouchers/{id}/void, POST /vouchers/{id}/return ->  200 {"id", "state"}

A voucher with an id that exists is not made again: the id is the idempotency key.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

from pydantic import Field, JsonValue
from pydantic_settings import BaseSettings

from app.domain.money import Money
from app.domain.payment.events import Operation, RedirectAction
from app.domain.reports import (
    ActionNeeded,
    Captured,
    Declined,
    Missing,
    Pending,
    ProviderReport,
    Refunded,
    Unknown,
    Voided,
)
from app.providers.answer import Answer
from app.providers.http import ProviderHttp, ProviderRequest, open_http
from app.providers.notices import NoticeReader
from app.providers.port import (
    Authorization,
    Capabilities,
    CaptureCall,
    Confirmation,
    PaymentProvider,
    ProviderContext,
    Query,
    RefundCall,
    VoidCall,
)
from app.settings import load, settings_config

NAME = "voucher"


class VoucherSettings(BaseSettings):
    """Where the office is."""

    model_config = settings_config("PAYGATE_VOUCHER_")

    url: str = Field(pattern=r"^https?://", description="address of the voucher office")


@asynccontextmanager
async def open_provider(context: ProviderContext) -> AsyncIterator[PaymentProvider]:
    """The entry point: a provider, and what it holds open for as long as the block."""
    settings = load(VoucherSettings)
    async with open_http(settings.url) as client:
        yield VoucherProvider(ProviderHttp(client, NAME, context.settings.provider_timeout))


class VoucherProvider:
    """Vouchers. Nothing is ever held: a voucher is used or it is not."""

    name = NAME
    capabilities = Capabilities(
        methods=frozenset({"redirect"}),
        currencies=frozenset({"EUR"}),
        amounts={"EUR": (100, 50_000)},
        manual_capture=False,
        visibility_delay=timedelta(seconds=2),
    )
    notice_readers: Sequence[NoticeReader] = ()

    def __init__(self, http: ProviderHttp) -> None:
        self._http = http

    async def authorize(self, call: Authorization) -> ProviderReport:
        """Make the voucher; the customer uses it on its page."""
        terms = call.terms
        body: dict[str, JsonValue] = {
            "id": terms.payment_id,
            "amount": terms.money.amount,
            "currency": terms.money.currency,
            "back": terms.return_url,
        }
        outcome = await self._http.send(ProviderRequest("POST", "/vouchers", body=body))
        return outcome if isinstance(outcome, Unknown) else _report(Operation.AUTHORIZE, outcome, terms.money)

    async def look_up(self, query: Query) -> ProviderReport:
        """Where the voucher stands, which answers for every operation on it."""
        outcome = await self._http.send(ProviderRequest("GET", f"/vouchers/{query.terms.payment_id}"))
        if isinstance(outcome, Unknown):
            return outcome
        if outcome.status == 404:
            return Missing(query.conclusive)
        return _report(query.operation, outcome, query.terms.money)

    async def void(self, call: VoidCall) -> ProviderReport:
        """Make an unused voucher useless."""
        return await self._change(Operation.VOID, "void", call.terms.payment_id, call.terms.money)

    async def refund(self, call: RefundCall) -> ProviderReport:
        """Make a used voucher whole again; parts are not possible."""
        if call.money != call.captured:
            return Declined("voucher_is_whole", "A voucher is given back as a whole.")
        return await self._change(Operation.REFUND, "return", call.terms.payment_id, call.money)

    async def capture(self, call: CaptureCall) -> ProviderReport:
        """Never asked for: nothing is held."""
        return Unknown(f"nothing is held for {call.terms.payment_id}")

    async def confirm(self, call: Confirmation) -> ProviderReport:
        """Never asked for: a used voucher is used."""
        return Unknown(f"nothing waits to be confirmed for {call.terms.payment_id}")

    async def _change(self, operation: Operation, change: str, voucher: str, money: Money) -> ProviderReport:
        outcome = await self._http.send(ProviderRequest("POST", f"/vouchers/{voucher}/{change}"))
        return outcome if isinstance(outcome, Unknown) else _report(operation, outcome, money)


def _report(operation: Operation, answer: Answer, money: Money) -> ProviderReport:
    """The office's words as a report; what nobody understands is `Unknown`, what is not known is `Pending`."""
    if not answer.positive:
        return Declined("voucher_refused", "The voucher office said no.")
    match answer.body:
        case {"state": "open", "id": str(voucher), "page": str(page)} if operation is Operation.AUTHORIZE:
            return ActionNeeded(voucher, RedirectAction(url=page))
        case {"state": "used", "id": str(voucher)} if operation is not Operation.REFUND:
            return Captured(voucher, money)
        case {"state": "void", "id": str(voucher)}:
            return Refunded(voucher, money) if operation is Operation.REFUND else Voided(voucher)
        case {"state": str()}:
            return Pending()
    return Unknown("an answer nobody understands")
