"""VNPay's codes as reports. Pure and total.

A payment's state is `vnp_TransactionStatus`; in a notice `vnp_ResponseCode` says why. In answers to a query or a refund
`vnp_ResponseCode` is about the question alone.
"""

import re
from collections.abc import Mapping

from app.domain.money import Money
from app.domain.reports import Captured, Declined, Expired, Missing, Pending, ProviderReport, Refunded, Unknown, Voided
from app.providers.vnpay.requests import REFUND_INFO, refund_info

DONE = "00"
NOT_FOUND = "91"

_UNREADABLE = Unknown("an answer nobody understands")
_AMOUNT = re.compile(r"[0-9]{1,14}")
_REFUSALS = {
    "09": ("internet_banking_not_registered", "The account is not registered for internet banking."),
    "10": ("authentication_failed", "The customer gave wrong data more than three times."),
    "12": ("card_locked", "The card or account is locked."),
    "13": ("authentication_failed", "The customer gave a wrong one-time password."),
    "51": ("insufficient_funds", "The account has insufficient funds."),
    "65": ("limit_exceeded", "The account's daily limit is exceeded."),
    "75": ("bank_in_maintenance", "The bank is in maintenance."),
    "79": ("authentication_failed", "The customer gave a wrong password too often."),
}
_RETRYABLE = frozenset({"authentication_failed", "bank_in_maintenance"})
_REFUSED_REQUESTS = {
    "02": "wrong_merchant",
    "03": "invalid_format",
    NOT_FOUND: "transaction_not_found",
    "95": "payment_not_successful",
    "97": "invalid_signature",
}
_REFUND_TYPES = frozenset({"02", "03"})
_ASK = frozenset({"94", "99"})


def amount_of(text: str) -> Money | None:
    """An amount as VNPay writes it, hundredfold; None for anything else."""
    if not _AMOUNT.fullmatch(text):
        return None
    dong, hundredths = divmod(int(text), 100)
    return None if hundredths else Money(dong, "VND")


def report_of_notice(values: Mapping[str, str], amount: Money) -> ProviderReport | None:
    """What a notice says; None when it is a reason to ask."""
    reference, code, number = values["vnp_TxnRef"], values["vnp_ResponseCode"], values.get("vnp_TransactionNo")
    match code, values["vnp_TransactionStatus"]:
        case "00", "00":
            return Captured(number, amount) if number else None
        case (("00" | "07"), ("01" | "04" | "07")):
            return Pending()  # for people to look at; it may still come to an end
        case "11", _:
            return Expired(reference)
        case "24", _:
            return Voided(reference)
    if code in _REFUSALS:
        name, message = _REFUSALS[code]
        return Declined(name, message, retryable=name in _RETRYABLE, reference=reference)
    return None


def report_of_payment(answer: Mapping[str, str], just_now: str) -> ProviderReport | None:
    """What the answer to a query says of a payment; None while the customer can still pay, or has not begun to.

    Why a payment failed is said by its notice alone, so what failed after `just_now`, in VNPay's writing, is `Pending`.
    """
    code = answer.get("vnp_ResponseCode", "")
    if code == NOT_FOUND:
        return None
    if code != DONE:
        return Unknown(f"a query was answered {code[:2]}")
    if answer.get("vnp_TransactionType", "") in _REFUND_TYPES:
        return Pending()  # paid, and given back by hand: how much was paid is not said
    match answer.get("vnp_TransactionStatus"):
        case "00":
            amount, number = amount_of(answer.get("vnp_Amount", "")), answer.get("vnp_TransactionNo")
            return Captured(number, amount) if amount is not None and number else _UNREADABLE
        case "01":
            return None
        case "02" if answer.get("vnp_PayDate", "") <= just_now:
            return Declined("transaction_failed", "The payment did not succeed.", True, answer.get("vnp_TxnRef"))
    return Pending()


def report_of_refund_call(answer: Mapping[str, str]) -> ProviderReport:
    """What the answer to a refund says. That the request was there before is a reason to ask what came of it."""
    code = answer.get("vnp_ResponseCode", "")
    if code == DONE:
        return _refund(answer)
    if code in _REFUSED_REQUESTS:
        return Declined(_REFUSED_REQUESTS[code], f"VNPay answered {code}.")
    return Pending() if code in _ASK else Unknown(f"a refund was answered {code[:2]}")


def report_of_refund(answer: Mapping[str, str], key: str, *, conclusive: bool) -> ProviderReport:
    """What the answer to a query says of the refund with this key. A payment's last refund is all that is shown.

    Where its text is none of ours it is not known whose it is: no reason to give the money back once more.
    """
    if answer.get("vnp_ResponseCode") != DONE:
        return Unknown("a query was refused")
    if answer.get("vnp_TransactionType", "") not in _REFUND_TYPES:
        return Missing(conclusive)
    info = answer.get("vnp_OrderInfo", "")
    if info == refund_info(key):
        return _refund(answer)
    return Missing(conclusive) if info.startswith(REFUND_INFO) else Pending()


def _refund(answer: Mapping[str, str]) -> ProviderReport:
    match answer.get("vnp_TransactionStatus"):
        case "00" | "06":
            amount, number = amount_of(answer.get("vnp_Amount", "")), answer.get("vnp_TransactionNo")
            return Refunded(number, amount) if amount is not None and number else _UNREADABLE
        case "09":
            return Declined("refund_refused", "The bank refused the refund.")
    return Pending()
