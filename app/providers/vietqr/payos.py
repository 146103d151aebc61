"""payOS: its webhook, and its payment links, which make the QR code of a payment and list what has arrived for it.

Described at payos.vn/docs/api. A webhook has no time stamp, so that a transfer is known again by its reference alone.
Unconfirmed: which text the webhook's `description` is, the link's or the transfer's; that `accountNumber` is the
account itself where the money went to a virtual one; whether payOS sees a transfer to the account by another code than
its own.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, Field, JsonValue, SecretStr, ValidationError

from app.domain.payment.events import QrAction
from app.domain.reports import ActionNeeded, Declined, ProviderReport, Unknown, Voided
from app.domain.transfer_codes import transfer_code_for
from app.providers.answer import Answer
from app.providers.http import ProviderHttp, ProviderRequest
from app.providers.notices import NoticeRefused, RawNotice
from app.providers.port import PaymentTerms, Query
from app.providers.strict_json import read_object
from app.providers.vietqr.feed import BankTime, CamelRead, Name, Read, Text, Whole, parsed
from app.providers.vietqr.movements import CURRENCY, Movement, vietnam_time
from app.providers.vietqr.qr import QrRefused, parse
from app.providers.vietqr.signature import payos_signature, payos_text, same_hexadecimal
from app.providers.vietqr.statement import Statement

_TRIALS = frozenset({"VQRIO123", "Ma giao dich thu nghiem"})
"""The texts of the message that payOS tries an address with."""
_DONE = "00"
_LINKS = 3
"""How many links a payment may have; more than one only when the answers with the others were lost."""
_LONGEST_MESSAGE = 500


class _Arrived(CamelRead):
    reference: Name
    amount: Whole
    description: Text
    account_number: Name
    transaction_date_time: BankTime
    virtual_account_number: str | None = None

    def movement(self, order: int) -> Movement:
        at, virtual = vietnam_time(self.transaction_date_time), self.virtual_account_number or None
        return Movement(self.account_number, self.reference, self.amount, at, self.description, virtual, order)


class _Told(_Arrived):
    code: str
    order_code: Whole
    currency: str = CURRENCY


class _Webhook(Read):
    data: dict[str, JsonValue]
    signature: str


class _Envelope(Read):
    code: str
    desc: str = ""
    data: dict[str, JsonValue] | None = None


class _NewLink(CamelRead):
    payment_link_id: Annotated[str, Field(min_length=1, max_length=255)]
    order_code: Whole
    amount: Whole
    qr_code: Annotated[str, Field(max_length=512)]


class _Link(CamelRead):
    order_code: Whole
    status: str
    transactions: list[_Arrived] = Field([])
    cancellation_reason: str | None = None


def order_code(code: str, link: int = 1) -> int:
    """The number that payOS knows a payment's link by: its transfer code, as a number any JSON reader holds."""
    digest = hashlib.sha256(f"payOS order of {code}, link {link}".encode()).digest()
    return int.from_bytes(digest) % (2**53 - 1) + 1


def code_of(movement: Movement) -> str | None:
    """The transfer code of a payment whose own link the transfer was told for.

    A transfer by one payment's link that names another payment is for people: it would pay for both.
    """
    code = movement.code
    known = code is not None and movement.order in {order_code(code, link) for link in range(1, _LINKS + 1)}
    return code if known else None


def webhook(key: SecretStr, account: str) -> Callable[[RawNotice], Sequence[Movement]]:
    """Reads payOS's webhooks, signed with `key`."""

    def movements(raw: RawNotice) -> Sequence[Movement]:
        # What is signed is made of the values, so that they have to be read before they can be believed.
        body = parsed(_Webhook, read_object(raw.body))
        expected = payos_signature(key.get_secret_value(), payos_text(body.data))
        if not same_hexadecimal(expected, body.signature):
            raise NoticeRefused("signature")
        told = parsed(_Told, body.data)
        if told.currency != CURRENCY:
            raise NoticeRefused("malformed")
        trial = told.description in _TRIALS and told.account_number != account
        return [] if trial or told.code != _DONE else [told.movement(told.order_code)]

    return movements


@dataclass(frozen=True)
class PayosLinks:
    """The payment links of one payOS client; a `BankStatement` too."""

    http: ProviderHttp
    client_id: str
    api_key: SecretStr
    checksum_key: SecretStr

    async def open(self, terms: PaymentTerms) -> ProviderReport:
        """Have the QR code of a payment made.

        A link's code is told once, when it is made. Where that answer was lost nobody has seen the code, and the
        payment gets another link.
        """
        opened: ProviderReport = Unknown("payOS was not asked")
        for link in range(1, _LINKS + 1):
            answer = await self._send("POST", "/v2/payment-requests", self._request(terms, link))
            opened = _opened(answer, terms)
            if not isinstance(opened, Declined):
                return opened
            known = await self._show(str(order_code(transfer_code_for(terms.payment_id), link)))
            if isinstance(known, Unknown):
                return known
            if _data(_Link, known) is None:
                return opened
        return opened

    async def of(self, query: Query) -> Statement | Unknown:
        """What has arrived by the payment's link, whatever its text, unless that names another payment."""
        code = transfer_code_for(query.terms.payment_id)
        if query.reference is None or query.reference == code:
            # It was begun before payOS made the codes.
            return Statement(())
        answer = await self._show(query.reference)
        if isinstance(answer, Unknown):
            return answer
        link = _data(_Link, answer)
        if link is None:
            return Unknown(f"payOS answered {answer.status} about a link in a way nobody understands")
        movements = [arrived.movement(link.order_code) for arrived in link.transactions]
        ours = [each for each in movements if each.code in (None, code) and each.amount > 0]
        return Statement(sorted(ours, key=lambda each: each.at), _ended(link, query.reference))

    async def _show(self, link: str) -> Answer | Unknown:
        return await self._send("GET", f"/v2/payment-requests/{quote(link, safe='')}")

    def _request(self, terms: PaymentTerms, link: int) -> dict[str, JsonValue]:
        code = transfer_code_for(terms.payment_id)
        signed: dict[str, JsonValue] = {
            "amount": terms.money.amount,
            "cancelUrl": terms.return_url,
            "description": code,
            "orderCode": order_code(code, link),
            "returnUrl": terms.return_url,
        }
        end = {"expiredAt": int(terms.expires_at.timestamp())} if terms.expires_at else {}
        signature = payos_signature(self.checksum_key.get_secret_value(), payos_text(signed))
        return {**signed, **end, "signature": signature}

    async def _send(
        self, method: Literal["GET", "POST"], path: str, body: Mapping[str, JsonValue] | None = None
    ) -> Answer | Unknown:
        headers = {"x-client-id": self.client_id, "x-api-key": self.api_key.get_secret_value()}
        return await self.http.send(ProviderRequest(method, path, headers, body, _too_many))


def _opened(answer: Answer | Unknown, terms: PaymentTerms) -> ProviderReport:
    if isinstance(answer, Unknown):
        return answer
    envelope = _parsed(_Envelope, answer.body)
    if envelope is None:
        return Unknown(f"payOS answered {answer.status} in a way nobody understands")
    if not answer.positive or envelope.code != _DONE:
        return Declined(f"payos_{envelope.code}", envelope.desc[:_LONGEST_MESSAGE])
    link = _parsed(_NewLink, envelope.data)
    if link is None or link.amount != terms.money.amount or not _asks_for(link.qr_code, terms.money.amount):
        return Unknown("payOS made a link in a way nobody understands")
    return ActionNeeded(link.payment_link_id, QrAction(payload=link.qr_code))


def _asks_for(payload: str, amount: int) -> bool:
    try:
        return parse(payload).amount == amount
    except QrRefused:
        return False


def _ended(link: _Link, reference: str) -> Voided | Declined | None:
    # EXPIRED is no end: the payment's own deadline is the same, and whether nothing comes after it is not certain.
    match link.status:
        case "CANCELLED":
            return Voided(reference)
        case "FAILED":
            return Declined("payos_failed", (link.cancellation_reason or "")[:_LONGEST_MESSAGE])
    return None


Model = TypeVar("Model", bound=BaseModel)


def _data(model: type[Model], answer: Answer) -> Model | None:
    envelope = _parsed(_Envelope, answer.body)
    done = answer.positive and envelope is not None and envelope.code == _DONE
    return _parsed(model, envelope.data) if done and envelope is not None else None


def _parsed(model: type[Model], body: object) -> Model | None:
    try:
        return model.model_validate(body)
    except ValidationError:
        return None


def _too_many(answer: Answer) -> bool:
    return answer.status == 429
