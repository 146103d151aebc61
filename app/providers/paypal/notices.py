"""PayPal's webhooks: what its certificate has signed for our webhook id, and what it says of a payment.

A document in an event stands as it was when the event was written, which may be long ago and in another order; the
domain takes that in. Events whose document does not tell enough are a reason to ask.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from app.domain.ids import PaymentId
from app.domain.payment.events import Operation
from app.domain.reports import Approved, ProviderReport
from app.providers.notices import Fault, Notice, NoticeRefused, NoticeReply, PaymentNamed, RawNotice, Reception
from app.providers.paypal import translate
from app.providers.paypal.certificates import CertificateRefused, Certificates
from app.providers.paypal.documents import Authorization, Capture, Order, Refund, parsed
from app.providers.paypal.signature import Transmission, is_signed, signed_message
from app.providers.strict_json import read_object

NAME = "paypal"
OLDEST = timedelta(days=4)
"""PayPal tries again for three days."""
NEWEST = timedelta(minutes=5)
"""How far its clock may be ahead of ours."""

_STATUSES = {Reception.REFUSED: 400, Reception.UNAVAILABLE: 503}


class _Event(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, hide_input_in_errors=True)

    id: str = Field(min_length=1, max_length=255)
    event_type: str = Field(min_length=1, max_length=255)
    resource: dict[str, JsonValue]


class PayPalNotices:
    """Reads what comes to `/webhooks/paypal`."""

    def __init__(self, webhook_id: str, certificates: Certificates) -> None:
        self._webhook_id = webhook_id
        self._certificates = certificates

    @property
    def name(self) -> str:
        """The last part of the address."""
        return NAME

    async def read(self, raw: RawNotice) -> Sequence[Notice]:
        """What the event says; empty when it is about none of our payments. Raises `NoticeRefused`."""
        await self._verify(raw)
        event = parsed(_Event, read_object(raw.body))
        if event is None:
            raise NoticeRefused("malformed")
        notice = _notice(event)
        return () if notice is None else (notice,)

    def reply(self, reception: Reception, fault: Fault | None = None) -> NoticeReply:
        """PayPal looks at the status only, and comes again unless that is 2xx."""
        del fault
        return NoticeReply(_STATUSES.get(reception, 200), b"{}")

    async def _verify(self, raw: RawNotice) -> None:
        transmission = Transmission.of(raw.headers)
        if transmission is None or raw.method != "POST":
            raise NoticeRefused("signature")
        # The time is part of what is signed; a stale one is not worth fetching a certificate for.
        _check_time(transmission.sent_at, raw.received_at)
        try:
            key = await self._certificates.key(transmission.certificate_url, raw.received_at)
        except CertificateRefused:
            raise NoticeRefused("signature") from None
        message = signed_message(transmission, self._webhook_id, raw.body)
        if not is_signed(message, transmission.signature, key):
            raise NoticeRefused("signature")


def _check_time(sent_at: datetime | None, received_at: datetime) -> None:
    if sent_at is None:
        raise NoticeRefused("signature")
    if not received_at - OLDEST <= sent_at <= received_at + NEWEST:
        raise NoticeRefused("stale")


def _notice(event: _Event) -> Notice | None:
    custom_id, operation, report = _read(event)
    if custom_id is None:
        return None
    # A refund's is its key, which begins with the payment's id and ends with the refund's.
    payment_id, _, rest = custom_id.partition(".")
    refund_id = rest.partition(".")[2] or None if operation is Operation.REFUND else None
    if operation is Operation.REFUND and refund_id is None:
        operation, report = Operation.AUTHORIZE, None  # made by hand, at PayPal
    evidence = _evidence(event, custom_id)
    return Notice(event.id, PaymentNamed(PaymentId(payment_id)), report, operation, refund_id, evidence)


def _read(event: _Event) -> tuple[str | None, Operation, ProviderReport | None]:
    """Whom the document names, what it is about, and what it says."""
    kind = event.event_type
    if kind.startswith("CHECKOUT."):
        order = parsed(Order, event.resource)
        if order is None:
            return _named(event), Operation.AUTHORIZE, None
        approved = kind == "CHECKOUT.ORDER.APPROVED" and order.status in {None, "APPROVED"}
        return order.custom_id, Operation.AUTHORIZE, Approved(order.id) if approved else None
    if kind.startswith("PAYMENT.AUTHORIZATION."):
        hold = parsed(Authorization, event.resource)
        return _named(event), Operation.AUTHORIZE, translate.report_of_authorization(hold) if hold else None
    if kind in {"PAYMENT.CAPTURE.REFUNDED", "PAYMENT.REFUND.PENDING", "PAYMENT.REFUND.FAILED"}:
        refund = parsed(Refund, event.resource)
        return _named(event), Operation.REFUND, translate.report_of_refund(refund) if refund else None
    if kind in {"PAYMENT.CAPTURE.COMPLETED", "PAYMENT.CAPTURE.PENDING", "PAYMENT.CAPTURE.DENIED"}:
        capture = parsed(Capture, event.resource)
        if capture is None:
            return _named(event), Operation.AUTHORIZE, None
        held_before = capture.related.authorization_id is not None
        operation = Operation.CAPTURE if held_before else Operation.AUTHORIZE
        return capture.custom_id, operation, translate.report_of_capture(capture)
    return _named(event), Operation.AUTHORIZE, None


def _named(event: _Event) -> str | None:
    found = event.resource.get("custom_id")
    return found if isinstance(found, str) and found else None


def _evidence(event: _Event, custom_id: str) -> Mapping[str, str | int]:
    evidence: dict[str, str | int] = {"event_type": event.event_type, "custom_id": custom_id}
    for name in ("id", "status"):
        value = event.resource.get(name)
        if isinstance(value, str):
            evidence[name] = value
    amount = event.resource.get("amount")
    if isinstance(amount, dict):
        evidence |= {name: str(amount[name]) for name in ("value", "currency_code") if name in amount}
    return evidence
