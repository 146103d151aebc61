"""VietQR behind the provider port.

Showing a QR code takes no call, and ends no session: whether money comes is told by bank feeds, or asked of those that
can be asked. Money is given back by people.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from app.domain.payment.events import Operation, QrAction
from app.domain.reports import ActionNeeded, Declined, Missing, Pending, ProviderReport, Unknown, Voided
from app.domain.transfer_codes import transfer_code_for
from app.providers.http import ProviderHttp, open_http
from app.providers.notices import NoticeReader, TransferNamed
from app.providers.port import (
    Authorization,
    Capabilities,
    CaptureCall,
    Confirmation,
    PaymentProvider,
    PaymentTerms,
    ProviderContext,
    ProviderUnreachable,
    Query,
    RefundCall,
    VoidCall,
)
from app.providers.statements import Movement, MovementKind, Span
from app.providers.vietqr import casso, payos, sepay
from app.providers.vietqr.feed import FeedReader
from app.providers.vietqr.movements import CURRENCY, evidence_of
from app.providers.vietqr.movements import Movement as Arrived
from app.providers.vietqr.payos import PayosLinks
from app.providers.vietqr.qr import LARGEST_AMOUNT, VietQr, build
from app.providers.vietqr.sepay import SepayStatement
from app.providers.vietqr.settings import VietQrSettings
from app.providers.vietqr.statement import BankStatement, Statement
from app.settings import load

NAME = "vietqr"


@asynccontextmanager
async def open_provider(context: ProviderContext) -> AsyncIterator[PaymentProvider]:
    """The account that the settings name, and the feeds they switch on."""
    async with connected(load(VietQrSettings), context.settings.provider_timeout) as provider:
        yield provider


@asynccontextmanager
async def connected(settings: VietQrSettings, seconds: float) -> AsyncIterator["VietQrProvider"]:
    """The provider of these settings; whom it asks has `seconds` to answer."""
    async with AsyncExitStack() as stack:

        async def http(name: str, url: str) -> ProviderHttp:
            return ProviderHttp(await stack.enter_async_context(open_http(url)), name, seconds)

        links, ledger, statements = None, None, list[BankStatement]()
        if settings.payos_client_id and settings.payos_api_key and settings.payos_checksum_key:
            keys = settings.payos_client_id, settings.payos_api_key, settings.payos_checksum_key
            links = PayosLinks(await http("payos", settings.payos_url), *keys)
            statements.append(links)
        if settings.sepay_token:
            sepay_http = await http("sepay", settings.sepay_url)
            ledger = SepayStatement(sepay_http, settings.sepay_token, settings.account)
            statements.append(ledger)
        yield VietQrProvider(settings, readers_of(settings), statements, links, ledger)


def readers_of(settings: VietQrSettings) -> list[NoticeReader]:
    """A reader for each feed that has a key."""
    account, readers = settings.account, list[NoticeReader]()
    if settings.payos_checksum_key:
        reads = payos.webhook(settings.payos_checksum_key, account)
        if settings.payos_client_id:
            readers.append(FeedReader("payos", account, reads, payos.code_of))
        else:
            # Links that others make have orders of their own.
            readers.append(FeedReader("payos", account, reads))
    if settings.sepay_secret or settings.sepay_api_key:
        readers.append(FeedReader(sepay.NAME, account, sepay.webhook(settings.sepay_secret, settings.sepay_api_key)))
    if settings.casso_key or settings.casso_secure_token:
        readers.append(FeedReader("casso", account, casso.webhook(settings.casso_key, settings.casso_secure_token)))
    return readers


@dataclass(frozen=True)
class VietQrProvider:
    """Payments by bank transfer into one account; with `links`, payOS makes the QR codes."""

    settings: VietQrSettings
    notice_readers: Sequence[NoticeReader]
    statements: Sequence[BankStatement] = ()
    links: PayosLinks | None = None
    ledger: SepayStatement | None = None
    """Who lists all that has arrived, whosever it is."""

    @property
    def name(self) -> str:
        """What clients write in `provider`."""
        return NAME

    @property
    def capabilities(self) -> Capabilities:
        """QR codes, in đồng. Nobody needs to ask about a payment that has ended where nobody can be asked."""
        return Capabilities(
            methods=frozenset({"qr"}),
            currencies=frozenset({CURRENCY}),
            amounts={CURRENCY: (1, LARGEST_AMOUNT)},
            manual_capture=False,
            refunds=False,
            visibility_delay=timedelta(),
            session_life=timedelta(seconds=self.settings.watched_seconds) if self.statements else None,
        )

    async def authorize(self, call: Authorization) -> ProviderReport:
        """The QR code for the price."""
        terms = call.terms
        if terms.method != "qr":
            return Declined("method_not_supported", "VietQR takes bank transfers only.")
        if terms.money.currency != CURRENCY:
            return Declined("currency_not_supported", "VietQR takes VND only.")
        if self.links:
            return await self.links.open(terms)
        code = transfer_code_for(terms.payment_id)
        return ActionNeeded(code, self._qr(code, terms.money.amount))

    async def confirm(self, call: Confirmation) -> ProviderReport:
        """Never asked for: a transfer that has arrived has been made."""
        return Unknown(f"a bank transfer has nothing to confirm for {call.terms.payment_id}")

    async def capture(self, call: CaptureCall) -> ProviderReport:
        """Never asked for: nothing is ever held."""
        return Unknown(f"a bank transfer has nothing to capture for {call.terms.payment_id}")

    async def void(self, call: VoidCall) -> ProviderReport:
        """The code is shown no more; what is transferred by it all the same is seen as late."""
        return Voided(call.reference)

    async def refund(self, call: RefundCall) -> ProviderReport:
        """People do it."""
        return _by_hand(call.terms)

    async def look_up(self, query: Query) -> ProviderReport:
        """The first transfer that is not counted yet, else the QR code for what is outstanding."""
        match query.operation:
            case Operation.AUTHORIZE:
                return await self._authorization(query)
            case Operation.VOID:
                return Voided(query.reference or transfer_code_for(query.terms.payment_id))
            case Operation.REFUND:
                return _by_hand(query.terms)
            case _:
                return Missing(query.conclusive)

    async def statement(self, span: Span) -> Sequence[Movement] | Unknown | None:
        """What has arrived, by the list that SePay gives; see `KeepsStatement`."""
        if self.ledger is None:
            return None
        arrived = await self.ledger.between(span)
        return arrived if isinstance(arrived, Unknown) else [_in_the_books(each) for each in arrived]

    async def _authorization(self, query: Query) -> ProviderReport:
        if self.links and query.reference is None:
            # A link may have been made; its code was told once, and nobody has it.
            return Missing(query.conclusive)
        code, account = transfer_code_for(query.terms.payment_id), self.settings.account
        asked = await asyncio.gather(*(_ask(statement, query) for statement in self.statements))
        for statement in (answer for answer in asked if isinstance(answer, Statement)):
            for movement in statement.arrived:
                if movement.reference not in query.transfers:
                    return movement.report
                # The rest goes where the part went.
                account = movement.virtual_account or account
        for answer in asked:
            if isinstance(answer, Unknown):
                return answer
            if answer.ended:
                return answer.ended
        if query.outstanding.amount == 0:
            return Pending()
        return ActionNeeded(query.reference or code, self._qr(code, query.outstanding.amount, account))

    def _qr(self, code: str, amount: int, account: str | None = None) -> QrAction:
        asked = VietQr(self.settings.bank, account or self.settings.account, amount, purpose=code)
        return QrAction(payload=build(asked))


def _in_the_books(arrived: Arrived) -> Movement:
    return Movement(
        MovementKind.CHARGE,
        arrived.reference,
        arrived.report.amount,
        arrived.at,
        TransferNamed(arrived.code) if arrived.code else None,
        sepay.NAME,
        evidence_of(arrived),
    )


def _by_hand(terms: PaymentTerms) -> Declined:
    return Declined("refund_by_hand", f"What came by bank transfer for {terms.payment_id} is given back by people.")


async def _ask(statement: BankStatement, query: Query) -> Statement | Unknown:
    # One that cannot be reached must not hide what another has seen.
    try:
        return await statement.of(query)
    except ProviderUnreachable as fault:
        return Unknown(str(fault))
