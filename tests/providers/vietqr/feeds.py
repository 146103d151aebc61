"""What the three feeds send about one transfer, signed as they sign it: the vectors of their own documents."""

import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

from app.providers.notices import NoticeReader, RawNotice
from app.providers.vietqr.adapter import readers_of
from app.providers.vietqr.settings import VietQrSettings

ACCOUNT = "0011001234567"
SETTINGS = VietQrSettings(
    bank="970436",
    account=ACCOUNT,
    sepay_secret="SEPAY_SECRET_EXAMPLE",
    sepay_api_key="SEPAY_API_KEY_EXAMPLE",
    casso_key="CASSO_KEY_EXAMPLE",
    casso_secure_token="CASSO_TOKEN_EXAMPLE",
    payos_checksum_key="PAYOS_CHECKSUM_KEY_EXAMPLE",
)
READERS: dict[str, NoticeReader] = {reader.name: reader for reader in readers_of(SETTINGS)}
AT = 1763640192
NOW = datetime.fromtimestamp(AT, UTC)
NOBODY = {
    "counterAccountBankId": None,
    "counterAccountBankName": None,
    "counterAccountName": None,
    "counterAccountNumber": None,
    "virtualAccountName": None,
    "virtualAccountNumber": None,
}


def payos_data(**changes: Any) -> dict[str, Any]:
    return {
        "orderCode": 1001,
        "amount": 200000,
        "description": "PAY7K3Q9X",
        "accountNumber": ACCOUNT,
        "reference": "FT25324000001",
        "transactionDateTime": "2025-11-20 19:03:12",
        "currency": "VND",
        "paymentLinkId": "pl_example_1",
        "code": "00",
        "desc": "success",
        **NOBODY,
        **changes,
    }


def sepay_body(**changes: Any) -> dict[str, Any]:
    return {
        "id": 92704,
        "gateway": "Vietcombank",
        "transactionDate": "2025-11-20 19:03:12",
        "accountNumber": ACCOUNT,
        "code": None,
        "content": "PAY7K3Q9X",
        "transferType": "in",
        "transferAmount": 200000,
        "accumulated": 19077000,
        "subAccount": None,
        "referenceCode": "FT25324000001",
        "description": "",
        **changes,
    }


def casso_data(**changes: Any) -> dict[str, Any]:
    return {
        "id": 5001,
        "reference": "FT25324000001",
        "description": "PAY7K3Q9X",
        "amount": 200000,
        "runningBalance": 19077000,
        "transactionDateTime": "2025-11-20 19:03:12",
        "accountNumber": ACCOUNT,
        "bankName": "VCB",
        "bankAbbreviation": "VCB",
        "virtualAccountNumber": "",
        "virtualAccountName": "",
        "counterAccountName": "",
        "counterAccountNumber": "",
        "counterAccountBankId": "",
        "counterAccountBankName": "",
        **changes,
    }


def casso_older_line(**changes: Any) -> dict[str, Any]:
    return {
        "id": 5001,
        "tid": "FT25324000001",
        "description": "PAY7K3Q9X",
        "amount": 200000,
        "cusum_balance": 19077000,
        "when": "2025-11-20 19:03:12",
        "bank_sub_acc_id": ACCOUNT,
        "subAccId": ACCOUNT,
        **changes,
    }


def payos(data: dict[str, Any] | None = None, key: str = "PAYOS_CHECKSUM_KEY_EXAMPLE", **more: Any) -> RawNotice:
    """Signed here by the rule in the documents, not by the code that is tested."""
    signed = payos_data() if data is None else data
    text = "&".join(f"{name}={'' if signed[name] is None else signed[name]}" for name in sorted(signed))
    signature = hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()
    told = {"code": "00", "desc": "success", "success": True, "data": signed, "signature": signature}
    return raw(compact({**told, **more}))


def sepay(
    body: dict[str, Any] | bytes | None = None, secret: str = "SEPAY_SECRET_EXAMPLE", at: int | str = AT
) -> RawNotice:
    content = body if isinstance(body, bytes) else compact(sepay_body() if body is None else body)
    signature = hmac.new(secret.encode(), f"{at}.".encode() + content, hashlib.sha256).hexdigest()
    return raw(content, {"x-sepay-timestamp": str(at), "x-sepay-signature": f"sha256={signature}"})


def casso(
    data: dict[str, Any] | None = None, key: str = "CASSO_KEY_EXAMPLE", at: int = AT * 1000, **signed_as: bool
) -> RawNotice:
    body = {"error": 0, "data": casso_data() if data is None else data}
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=signed_as.get("ascii", False))
    if signed_as.get("slashes"):
        text = text.replace("/", "\\/")
    signature = hmac.new(key.encode(), f"{at}.{text}".encode(), hashlib.sha512).hexdigest()
    return raw(compact(body), {"x-casso-signature": f"t={at},v1={signature}"})


def casso_older(*lines: dict[str, Any], token: str = "CASSO_TOKEN_EXAMPLE") -> RawNotice:
    return raw(compact({"error": 0, "data": list(lines)}), {"secure-token": token})


def raw(body: bytes, headers: dict[str, str] | None = None, now: datetime = NOW) -> RawNotice:
    return RawNotice("POST", b"", headers or {}, body, now)


def compact(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
