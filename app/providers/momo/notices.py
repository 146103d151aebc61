"""MoMo's IPN: JSON whose values are signed. Sent for success and failure, and as far as is known only once."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.domain.ids import PaymentId
from app.domain.payment.events import CaptureMode, Operation
from app.domain.reports import Pending, ProviderReport, Unknown
from app.providers.momo import codes, signature
from app.providers.momo.settings import MomoSettings
from app.providers.momo.translate import Transaction, report_of_transaction
from app.providers.notices import Fault, Notice, NoticeRefused, NoticeReply, PaymentNamed, RawNotice, Reception
from app.providers.strict_json import read_object


class _Ipn(BaseModel):
    # Strict: a signature over `200000` would also be that of `"200000"`.
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, hide_input_in_errors=True)

    partnerCode: str  # noqa: N815 - MoMo's names
    orderId: str  # noqa: N815
    requestId: str  # noqa: N815
    amount: int = Field(ge=0)
    orderInfo: str  # noqa: N815
    orderType: str  # noqa: N815
    transId: int  # noqa: N815
    resultCode: int  # noqa: N815
    message: str
    payType: str  # noqa: N815
    responseTime: int  # noqa: N815
    extraData: str  # noqa: N815


class MomoNotices:
    """Reads the IPN, reached at `/webhooks/momo`."""

    name = "momo"

    def __init__(self, settings: MomoSettings) -> None:
        self._settings = settings

    async def read(self, raw: RawNotice) -> Sequence[Notice]:
        """What the IPN says; raises `NoticeRefused`. It has no time stamp to go by: a repeat changes nothing."""
        body = read_object(raw.body)
        try:
            ipn = _Ipn.model_validate(body)
            values = {**ipn.model_dump(), "accessKey": self._settings.access_key}
            text = signature.string_to_sign(signature.NOTICE, values)
            text.encode()
        except (ValidationError, UnicodeEncodeError):
            raise NoticeRefused("malformed") from None
        given, secret = body.get("signature"), self._settings.secret_key.get_secret_value()
        if not isinstance(given, str) or not signature.is_signed(secret, text, given):
            raise NoticeRefused("signature")
        if ipn.partnerCode != self._settings.partner_code:
            raise NoticeRefused("account")
        return [_notice(ipn)]

    def reply(self, reception: Reception, _: Fault | None = None) -> NoticeReply:
        """204 for what is taken in; MoMo knows no other word for it."""
        match reception:
            case Reception.REFUSED:
                return NoticeReply(400)
            case Reception.UNAVAILABLE:
                return NoticeReply(503)
        return NoticeReply(204)


def _notice(ipn: _Ipn) -> Notice:
    return Notice(
        event_id=f"{ipn.orderId}.{ipn.transId}.{ipn.resultCode}",
        about=PaymentNamed(PaymentId(ipn.orderId)),
        report=_report(ipn),
        evidence={
            "orderId": ipn.orderId,
            "transId": ipn.transId,
            "amount": ipn.amount,
            "resultCode": ipn.resultCode,
        },
    )


def _report(ipn: _Ipn) -> ProviderReport | None:
    """What is definite. Whether 9000 is the end of it depends on the payment, and 98 and 99 say nothing: ask."""
    if ipn.resultCode in codes.NO_WORD or ipn.resultCode == codes.HELD:
        return None
    found = Transaction.model_validate(ipn.model_dump())
    report = report_of_transaction(Operation.AUTHORIZE, CaptureMode.AUTOMATIC, found)
    return None if isinstance(report, Pending | Unknown) else report
