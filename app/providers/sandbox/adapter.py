"""The sandbox behind the provider port: which requests, in which order."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from urllib.parse import quote, urlencode

from pydantic import JsonValue

from app.domain.payment.events import Operation
from app.domain.reports import Declined, ProviderReport, Unknown
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
from app.providers.sandbox.translate import movements_of, report_of_call, report_of_look_up, turned_away
from app.providers.statements import Movement, Span

NAME = "sandbox"

_PAGES = 1000
_CAPABILITIES = Capabilities(
    methods=frozenset({"card"}),
    token_prefixes=("tok_",),
    # A charge can be seen as soon as it is made; this leaves a request time to arrive.
    visibility_delay=timedelta(seconds=2),
)


@asynccontextmanager
async def open_provider(context: ProviderContext) -> AsyncIterator[PaymentProvider]:
    """The sandbox that the settings name."""
    settings = context.settings
    async with open_http(settings.sandbox_url) as client:
        yield SandboxProvider(ProviderHttp(client, NAME, settings.provider_timeout))


class SandboxProvider:
    """Card payments against `app.laptop.sandbox`, or any server that speaks its API."""

    def __init__(self, http: ProviderHttp) -> None:
        self._http = http

    @property
    def name(self) -> str:
        """What clients write in `provider`."""
        return NAME

    @property
    def capabilities(self) -> Capabilities:
        """Cards, in every currency."""
        return _CAPABILITIES

    @property
    def notice_readers(self) -> Sequence[NoticeReader]:
        """It sends nothing."""
        return ()

    async def authorize(self, call: Authorization) -> ProviderReport:
        """Hold the money, or say where the customer has to authenticate."""
        terms = call.terms
        if terms.method not in _CAPABILITIES.methods or call.token is None:
            return Declined("method_not_supported", "The sandbox takes cards only.")
        body: dict[str, JsonValue] = {
            "reference": terms.payment_id,
            "amount": terms.money.amount,
            "currency": terms.money.currency,
            "token": call.token.get_secret_value(),
            "description": terms.description,
            "return_url": terms.return_url,
            "expires_at": terms.expires_at.isoformat() if terms.expires_at else None,
        }
        return await self._call(Operation.AUTHORIZE, "/v1/charges", call.key, body)

    async def confirm(self, call: Confirmation) -> ProviderReport:
        """Never asked for: what the customer has approved is held at once."""
        return Unknown(f"the sandbox has nothing to confirm for {call.terms.payment_id}")

    async def capture(self, call: CaptureCall) -> ProviderReport:
        """Take held money; what is not taken is released."""
        path = f"/v1/charges/{_segment(call.reference)}/capture"
        return await self._call(Operation.CAPTURE, path, call.key, {"amount": call.money.amount})

    async def void(self, call: VoidCall) -> ProviderReport:
        """Release held money."""
        return await self._call(Operation.VOID, f"/v1/charges/{_segment(call.reference)}/void", call.key, {})

    async def refund(self, call: RefundCall) -> ProviderReport:
        """Give money back."""
        body: dict[str, JsonValue] = {"charge": call.reference, "amount": call.money.amount}
        return await self._call(Operation.REFUND, "/v1/refunds", call.key, body)

    async def look_up(self, query: Query) -> ProviderReport:
        """Ask what the operation with the query's key was answered, and how its charge stands now."""
        request = ProviderRequest("GET", f"/v1/operations/{_segment(query.key)}", turned_away=turned_away)
        outcome = await self._http.send(request)
        if isinstance(outcome, Unknown):
            return outcome
        return report_of_look_up(query.operation, outcome, conclusive=query.conclusive)

    async def statement(self, span: Span) -> Sequence[Movement] | Unknown:
        """Its movements in `span`, page by page; see `KeepsStatement`."""
        found, after = list[Movement](), 0
        for _ in range(_PAGES):
            asked = {"from": span.begin.isoformat(), "to": span.end.isoformat(), "after": after, "limit": 1000}
            request = ProviderRequest("GET", f"/v1/movements?{urlencode(asked)}", turned_away=turned_away)
            outcome = await self._http.send(request)
            page = outcome if isinstance(outcome, Unknown) else movements_of(outcome)
            if isinstance(page, Unknown):
                return page
            found.extend(page.movements)
            if page.next is None:
                return found
            after = page.next
        return Unknown("there are more movements than are looked through")

    async def _call(self, operation: Operation, path: str, key: str, body: dict[str, JsonValue]) -> ProviderReport:
        headers = {"Idempotency-Key": key}
        outcome = await self._http.send(ProviderRequest("POST", path, headers, body, turned_away))
        return outcome if isinstance(outcome, Unknown) else report_of_call(operation, outcome)


def _segment(text: str) -> str:
    return quote(text, safe="")
