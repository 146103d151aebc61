"""How payOS, SePay and Casso tell a merchant of a transfer, each in its own form and with its own patience.

How often payOS and Casso tell again is not published; here they tell once, which is the harder case for a merchant.
"""

import hashlib
import hmac
import json
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import httpx

from app.laptop.sandbox.bench import Bench
from app.laptop.sandbox.outbox import OutgoingNotice
from app.laptop.sandbox.vietqr.account import (
    CASSO_KEY,
    CASSO_SECURE_TOKEN,
    NAME,
    PAYOS_CHECKSUM_KEY,
    SEPAY_SECRET,
)
from app.laptop.sandbox.vietqr.transfers import Transfer

_SEPAY_PAUSES = tuple(60.0 * minutes for minutes in (1, 1, 2, 3, 5, 8, 13))
"""Seven more tries, further apart each time, for 33 minutes."""


def payos_signature(data: Mapping[str, Any]) -> str:
    """What payOS signs what it says with."""
    text = "&".join(f"{name}={_payos_value(value)}" for name, value in sorted(data.items()))
    return hmac.new(PAYOS_CHECKSUM_KEY.encode(), text.encode(), hashlib.sha256).hexdigest()


def payos(bench: Bench, transfer: Transfer) -> OutgoingNotice:
    """payOS's webhook. A transfer that came by no link of payOS has an order that no merchant has made."""
    order = transfer.order or zlib.crc32(transfer.reference.encode())
    return payos_notice(
        f"{bench.notices_url}/payos",
        {
            **payos_transaction(transfer),
            "orderCode": order,
            "description": transfer.text,
            "transactionDateTime": transfer.time,
            "currency": "VND",
            "paymentLinkId": f"link-{order}",
            "code": "00",
            "desc": "success",
        },
    )


def payos_notice(url: str, data: Mapping[str, Any]) -> OutgoingNotice:
    """A message of payOS, signed."""
    told = {"code": "00", "desc": "success", "success": True, "data": data, "signature": payos_signature(data)}
    return OutgoingNotice(NAME, url, _compact(told), headers=_JSON)


def payos_transaction(transfer: Transfer) -> dict[str, Any]:
    """A transfer as payOS lists it with its link."""
    return {
        "reference": transfer.reference,
        "amount": transfer.amount,
        "accountNumber": transfer.account,
        "description": transfer.statement_text,
        "transactionDateTime": transfer.at,
        "virtualAccountName": None,
        "virtualAccountNumber": transfer.virtual_account,
        "counterAccountBankId": None,
        "counterAccountBankName": None,
        "counterAccountName": "NGUYEN VAN A",
        "counterAccountNumber": None,
    }


def sepay(bench: Bench, transfer: Transfer) -> OutgoingNotice:
    """SePay's webhook, tried again until it is answered `{"success": true}`."""
    body = _compact(
        {
            "id": transfer.number,
            "gateway": "Vietcombank",
            "transactionDate": transfer.time,
            "accountNumber": transfer.account,
            "subAccount": transfer.virtual_account,
            "code": None,
            "content": transfer.statement_text,
            "transferType": "in",
            "transferAmount": transfer.amount,
            "accumulated": 19_077_000,
            "referenceCode": transfer.reference,
            "description": transfer.statement_text,
        }
    )

    def stamped() -> dict[str, str]:
        now = str(int(bench.clock().timestamp()))
        signature = hmac.new(SEPAY_SECRET.encode(), f"{now}.".encode() + body, hashlib.sha256).hexdigest()
        return {"X-SePay-Timestamp": now, "X-SePay-Signature": f"sha256={signature}"}

    return OutgoingNotice(
        NAME,
        f"{bench.notices_url}/sepay",
        body,
        headers=_JSON,
        stamped=stamped,
        pauses=_SEPAY_PAUSES,
        accepted=_said_success,
    )


def casso(bench: Bench, transfer: Transfer) -> OutgoingNotice:
    """Casso's webhook, version 2."""
    empty = ("virtualAccountName", "counterAccountNumber", "counterAccountBankId", "counterAccountBankName")
    data = {
        "id": transfer.number,
        "reference": transfer.reference,
        "description": transfer.statement_text,
        "amount": transfer.amount,
        "runningBalance": 19_077_000,
        "transactionDateTime": transfer.time,
        "accountNumber": transfer.account,
        "bankName": "Vietcombank",
        "bankAbbreviation": "VCB",
        "virtualAccountNumber": transfer.virtual_account or "",
        "counterAccountName": "NGUYEN VAN A",
        **dict.fromkeys(empty, ""),
    }
    told = {"error": 0, "data": data}

    def stamped() -> dict[str, str]:
        now = int(bench.clock().timestamp() * 1000)
        signed = f"{now}.{json.dumps(told, sort_keys=True, separators=(',', ':'), ensure_ascii=False)}"
        signature = hmac.new(CASSO_KEY.encode(), signed.encode(), hashlib.sha512).hexdigest()
        return {"X-Casso-Signature": f"t={now},v1={signature}"}

    return OutgoingNotice(NAME, f"{bench.notices_url}/casso", _compact(told), headers=_JSON, stamped=stamped)


def casso_older(bench: Bench, transfer: Transfer) -> OutgoingNotice:
    """Casso's webhook of the older kind."""
    line = {
        "id": transfer.number,
        "tid": transfer.reference,
        "description": transfer.statement_text,
        "amount": transfer.amount,
        "cusum_balance": 19_077_000,
        "when": transfer.time,
        "bank_sub_acc_id": transfer.account,
        "subAccId": transfer.account,
    }
    headers = {**_JSON, "Secure-Token": CASSO_SECURE_TOKEN}
    return OutgoingNotice(NAME, f"{bench.notices_url}/casso", _compact({"error": 0, "data": [line]}), headers=headers)


FEEDS: Mapping[str, Callable[[Bench, Transfer], OutgoingNotice]] = {
    "sepay": sepay,
    "payos": payos,
    "casso": casso,
    "casso_older": casso_older,
}
"""By the name that the bank's app knows them by; the first is the usual one."""

_JSON = {"Content-Type": "application/json"}


def _said_success(answer: httpx.Response) -> bool:
    try:
        said = answer.json()
    except ValueError:
        return False
    return answer.status_code in {200, 201} and isinstance(said, dict) and said.get("success") is True


def _payos_value(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return json.dumps([dict(sorted(each.items())) for each in value], separators=(",", ":"), ensure_ascii=False)
    return str(value)


def _compact(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
