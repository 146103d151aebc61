"""VNPay's notices (IPN): a GET whose query it has signed, answered by a code."""

import json
from collections.abc import Mapping, Sequence
from urllib.parse import unquote_to_bytes

from app.domain.ids import PaymentId
from app.providers.notices import Fault, Notice, NoticeRefused, NoticeReply, PaymentNamed, RawNotice, Reception
from app.providers.vnpay.signature import HASH, is_signed, query_text
from app.providers.vnpay.translate import amount_of, report_of_notice

NAME = "vnpay"

_ANSWERS = {
    Reception.RECORDED: ("00", "Confirm Success"),
    Reception.IGNORED: ("00", "Confirm Success"),
    Reception.REPEATED: ("02", "Order already confirmed"),
    Reception.UNKNOWN_PAYMENT: ("01", "Order not found"),
    Reception.CONTRADICTED: ("04", "Invalid amount"),
    Reception.REFUSED: ("97", "Invalid checksum"),
    Reception.UNAVAILABLE: ("99", "Unknown error"),
}
_NEEDED = ("vnp_TxnRef", "vnp_Amount", "vnp_ResponseCode", "vnp_TransactionStatus")
_EVIDENCE = (*_NEEDED, "vnp_TransactionNo", "vnp_BankCode", "vnp_BankTranNo", "vnp_PayDate")
_LONGEST = 255


class VNPayNotices:
    """Reads what comes to `/webhooks/vnpay`."""

    def __init__(self, tmn_code: str, secret: str) -> None:
        self._tmn_code = tmn_code
        self._secret = secret

    @property
    def name(self) -> str:
        """The last part of the address."""
        return NAME

    async def read(self, raw: RawNotice) -> Sequence[Notice]:
        """What the query says; raises `NoticeRefused`."""
        if raw.method != "GET":
            raise NoticeRefused("malformed")
        values = _parameters(raw.query)
        if not is_signed(query_text(values), values.get(HASH), self._secret):
            raise NoticeRefused("signature")
        if values.get("vnp_TmnCode") != self._tmn_code:
            raise NoticeRefused("account")
        amount = amount_of(values.get("vnp_Amount", ""))
        if amount is None or not all(0 < len(values.get(name, "")) <= _LONGEST for name in _NEEDED):
            raise NoticeRefused("malformed")
        evidence = {name: values[name] for name in _EVIDENCE if name in values}
        # There is no id of the notice: what it says makes it the one that it is.
        parts = ("vnp_TxnRef", "vnp_TransactionNo", "vnp_ResponseCode", "vnp_TransactionStatus")
        event_id = ".".join(values.get(name, "") for name in parts)
        about = PaymentNamed(PaymentId(values["vnp_TxnRef"]))
        return (Notice(event_id, about, report_of_notice(values, amount), evidence=evidence),)

    def reply(self, reception: Reception, fault: Fault | None = None) -> NoticeReply:
        """Always 200; VNPay comes again on 01, 04, 97 and 99."""
        del fault
        code, message = _ANSWERS[reception]
        return NoticeReply(200, json.dumps({"RspCode": code, "Message": message}).encode())


def _parameters(query: bytes) -> Mapping[str, str]:
    """VNPay's parameters, each once, in UTF-8; what else stands in the address is not signed and not read."""
    found: dict[str, str] = {}
    for pair in query.split(b"&"):
        name, _, value = (_decoded(part) for part in pair.partition(b"="))
        if not name.startswith("vnp_"):
            continue
        if name in found:
            raise NoticeRefused("malformed")
        found[name] = value
    return found


def _decoded(part: bytes) -> str:
    try:
        return unquote_to_bytes(part.replace(b"+", b" ")).decode("utf-8")
    except UnicodeDecodeError:
        raise NoticeRefused("malformed") from None
