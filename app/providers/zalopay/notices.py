"""ZaloPay's callback: a JSON text inside JSON, signed just as it came. Sent when a payment succeeds, and only then."""

import json
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.domain.money import Money
from app.domain.reports import Captured
from app.providers.notices import Fault, Notice, NoticeRefused, NoticeReply, PaymentNamed, RawNotice, Reception
from app.providers.strict_json import read_object
from app.providers.zalopay.names import payment_named
from app.providers.zalopay.settings import ZaloPaySettings
from app.providers.zalopay.signature import is_signed
from app.providers.zalopay.translate import CURRENCY

_ORDER = 1
"""The type of a callback about an order; 2 is about an agreement."""


class _Paid(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, hide_input_in_errors=True)

    app_id: int
    app_trans_id: str = Field(min_length=1, max_length=64)
    amount: int = Field(ge=0)
    zp_trans_id: int = Field(gt=0)


class ZaloPayNotices:
    """Reads the callback, reached at `/webhooks/zalopay`."""

    name = "zalopay"

    def __init__(self, settings: ZaloPaySettings) -> None:
        self._settings = settings

    async def read(self, raw: RawNotice) -> Sequence[Notice]:
        """What the callback says; raises `NoticeRefused`. It has no time stamp to go by: a repeat changes nothing."""
        envelope = read_object(raw.body)
        data, mac = envelope.get("data"), envelope.get("mac")
        if not isinstance(data, str):
            raise NoticeRefused("malformed")
        if not isinstance(mac, str) or not self._signed(data, mac):
            raise NoticeRefused("signature")
        found = read_object(data.encode())
        if found.get("app_id") != self._settings.app_id:
            raise NoticeRefused("account")
        if envelope.get("type", _ORDER) != _ORDER:
            return []
        try:
            return [_notice(_Paid.model_validate(found))]
        except ValidationError:
            raise NoticeRefused("malformed") from None

    def reply(self, reception: Reception, fault: Fault | None = None) -> NoticeReply:
        """In ZaloPay's codes: 1 taken in, 2 known already, -1 not its signature, 0 for it to come again."""
        match reception:
            case Reception.REPEATED:
                return _reply(2, "known already")
            case Reception.REFUSED:
                return _reply(-1, "mac not equal" if fault == "signature" else "refused")
            case Reception.UNAVAILABLE:
                return _reply(0, "not stored")
        return _reply(1, "success")

    def _signed(self, data: str, mac: str) -> bool:
        try:
            return is_signed(self._settings.key2.get_secret_value(), data, mac)
        except UnicodeEncodeError:
            return False


def _notice(paid: _Paid) -> Notice:
    return Notice(
        event_id=f"{paid.app_trans_id}.{paid.zp_trans_id}",
        about=PaymentNamed(payment_named(paid.app_trans_id)),
        report=Captured(str(paid.zp_trans_id), Money(paid.amount, CURRENCY)),
        evidence={"app_trans_id": paid.app_trans_id, "zp_trans_id": paid.zp_trans_id, "amount": paid.amount},
    )


def _reply(code: int, message: str) -> NoticeReply:
    return NoticeReply(200, json.dumps({"return_code": code, "return_message": message}).encode())
