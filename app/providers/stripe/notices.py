"""Stripe's events: signed with the webhook's secret, about one object as it stood when the event was made.

Events come late, twice and out of order; the domain takes that in. A failed try is only a reason to ask: the intent has
to be ended before the payment is told to have failed, which asking does.
"""

from collections.abc import Sequence
from datetime import timedelta

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from app.domain.ids import PaymentId
from app.domain.payment.events import Operation
from app.domain.reports import Pending, ProviderReport
from app.providers.notices import Fault, Notice, NoticeRefused, NoticeReply, PaymentNamed, RawNotice, Reception
from app.providers.strict_json import read_object
from app.providers.stripe import translate
from app.providers.stripe.documents import Intent, Refund, parsed
from app.providers.stripe.settings import StripeSettings
from app.providers.stripe.signature import SignatureHeader

NAME = "stripe"
TOLERANCE = timedelta(seconds=300)
"""How far the time of a signature may be from ours, on both sides."""

_TOLD = frozenset(
    {
        "payment_intent.processing",
        "payment_intent.requires_action",
        "payment_intent.amount_capturable_updated",
        "payment_intent.succeeded",
        "payment_intent.canceled",
    }
)
_REFUNDS = frozenset({"refund.created", "refund.updated", "refund.failed"})
_REASONS_TO_ASK = frozenset({"payment_intent.payment_failed", "charge.captured", "charge.expired"})
_STATUSES = {Reception.REFUSED: 400, Reception.UNAVAILABLE: 503}


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    object: dict[str, JsonValue]


class _Event(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, hide_input_in_errors=True)

    id: str = Field(min_length=1, max_length=255)
    type: str = Field(min_length=1, max_length=255)
    livemode: bool | None = None
    account: str | None = None
    data: _Data


class StripeNotices:
    """Reads what comes to `/webhooks/stripe`."""

    def __init__(self, settings: StripeSettings) -> None:
        self._secrets = [secret.get_secret_value() for secret in settings.webhook_secrets]
        self._live = settings.live
        self._account = settings.account

    @property
    def name(self) -> str:
        """The last part of the address."""
        return NAME

    async def read(self, raw: RawNotice) -> Sequence[Notice]:
        """What the event says; empty when it is about none of our payments. Raises `NoticeRefused`."""
        self._verify(raw)
        event = parsed(_Event, read_object(raw.body))
        if event is None:
            raise NoticeRefused("malformed")
        self._bind(event)
        notice = _notice(event)
        return () if notice is None else (notice,)

    def reply(self, reception: Reception, fault: Fault | None = None) -> NoticeReply:
        """Stripe looks at the status only, and comes again unless that is 2xx."""
        del fault
        return NoticeReply(_STATUSES.get(reception, 200), b"{}")

    def _verify(self, raw: RawNotice) -> None:
        header = SignatureHeader.read(raw.headers.get("stripe-signature", ""))
        if raw.method != "POST" or header is None or not header.is_by(self._secrets, raw.body):
            raise NoticeRefused("signature")
        if abs(raw.received_at - header.signed_at) > TOLERANCE:
            raise NoticeRefused("stale")

    def _bind(self, event: _Event) -> None:
        other_mode = self._live is not None and event.livemode not in (None, self._live)
        if other_mode or event.account not in (None, self._account):
            raise NoticeRefused("account")


def _notice(event: _Event) -> Notice | None:
    document = event.data.object
    if event.type in _REFUNDS:
        refund = parsed(Refund, document)
        if refund is None:
            raise NoticeRefused("malformed")
        return _of_refund(event, refund)
    if event.type not in _TOLD | _REASONS_TO_ASK:
        return None
    if event.type in _TOLD:
        intent = parsed(Intent, document)
        if intent is None:
            raise NoticeRefused("malformed")
        return _of_payment(event, translate.report_of_intent(Operation.AUTHORIZE, intent))
    return _of_payment(event, None)


def _of_payment(event: _Event, report: ProviderReport | None) -> Notice | None:
    payment_id = _payment_id(event)
    if payment_id is None:
        return None
    return Notice(event.id, PaymentNamed(payment_id), report, evidence=_evidence(event))


def _of_refund(event: _Event, refund: Refund) -> Notice | None:
    payment_id, key = _payment_id(event), refund.metadata.get("refund_key")
    report = translate.report_of_refund(refund)
    if payment_id is None or key is None or isinstance(report, Pending):
        return None
    last = key.rpartition(".")[2]
    # A refund that no client asked for, of money that came too late, has no id.
    refund_id = last if last.startswith("ref_") else None
    return Notice(event.id, PaymentNamed(payment_id), report, Operation.REFUND, refund_id, _evidence(event))


def _payment_id(event: _Event) -> PaymentId | None:
    """The payment that the object names; what names none was made by somebody else with the same account."""
    metadata = event.data.object.get("metadata")
    named = metadata.get("payment_id") if isinstance(metadata, dict) else None
    return PaymentId(named) if isinstance(named, str) and named else None


def _evidence(event: _Event) -> dict[str, str | int]:
    document = event.data.object
    shown = {name: document.get(name) for name in ("object", "id", "status", "amount", "currency")}
    return {"type": event.type} | {name: value for name, value in shown.items() if isinstance(value, str | int)}
