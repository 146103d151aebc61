"""VNPay's notices: what is believed of a query, and how it is answered."""

import json
from datetime import UTC, datetime

import pytest

from app.domain.money import Money
from app.domain.reports import Captured, Declined, Expired, Pending, ProviderReport, Voided
from app.providers.notices import NoticeRefused, PaymentNamed, RawNotice, Reception
from app.providers.vnpay.notices import VNPayNotices
from app.providers.vnpay.signature import signed_query
from tests.providers.vnpay.test_signature import IPN, IPN_HASH, SECRET

READER = VNPayNotices("EXAMPLE1", SECRET)
NOW = datetime(2025, 11, 20, 12, 4, tzinfo=UTC)


def raw(query: str | bytes, method: str = "GET") -> RawNotice:
    encoded = query if isinstance(query, bytes) else query.encode()
    return RawNotice(method, encoded, {}, b"", NOW)


def sent(**changes: str) -> str:
    """The published notice with changes, signed."""
    return signed_query({**IPN, **{f"vnp_{name}": value for name, value in changes.items()}}, SECRET)


async def refusal(notice: RawNotice) -> str:
    with pytest.raises(NoticeRefused) as refused:
        await READER.read(notice)
    return refused.value.fault


async def test_the_published_notice_says_that_the_payment_was_made() -> None:
    query = sent()
    assert query.endswith(IPN_HASH)
    (notice,) = await READER.read(raw(query))
    assert notice.about == PaymentNamed("pay01")  # type: ignore[arg-type]
    assert notice.report == Captured("14226112", Money(200_000, "VND"))
    assert notice.event_id == "pay01.14226112.00.00"
    (again,) = await READER.read(raw("&".join(reversed(query.split("&")))))
    assert again == notice


@pytest.mark.parametrize(
    ("code", "status", "report"),
    [
        ("07", "07", Pending()),
        ("00", "04", Pending()),
        ("00", "07", Pending()),
        ("00", "01", Pending()),
        ("11", "02", Expired("pay01")),
        ("24", "02", Voided("pay01")),
        ("99", "02", None),
        ("00", "02", None),
        ("??", "00", None),
    ],
)
async def test_every_code_has_its_meaning(code: str, status: str, report: ProviderReport | None) -> None:
    (notice,) = await READER.read(raw(sent(ResponseCode=code, TransactionStatus=status)))
    assert notice.report == report


@pytest.mark.parametrize(
    ("code", "name", "retryable"),
    [
        ("09", "internet_banking_not_registered", False),
        ("10", "authentication_failed", True),
        ("12", "card_locked", False),
        ("13", "authentication_failed", True),
        ("51", "insufficient_funds", False),
        ("65", "limit_exceeded", False),
        ("75", "bank_in_maintenance", True),
        ("79", "authentication_failed", True),
    ],
)
async def test_every_refusal_has_a_code(code: str, name: str, *, retryable: bool) -> None:
    (notice,) = await READER.read(raw(sent(ResponseCode=code, TransactionStatus="02")))
    assert isinstance(notice.report, Declined)
    assert (notice.report.code, notice.report.retryable) == (name, retryable)


@pytest.mark.parametrize(
    "query",
    [
        sent().replace("20000000", "20000001"),
        f"{sent()}&vnp_Extra=1",
        sent().replace(IPN_HASH, ""),
        sent().replace(IPN_HASH, "z" * 128),
        sent().partition("&vnp_SecureHash")[0],
        signed_query(IPN, "ANOTHERSECRET"),
        "",
    ],
    ids=["changed", "unsigned field", "empty", "not hex", "missing", "another merchant's", "nothing"],
)
async def test_what_vnpay_has_not_signed_is_refused(query: str) -> None:
    assert await refusal(raw(query)) == "signature"


async def test_upper_case_hex_is_the_same_signature() -> None:
    assert await READER.read(raw(sent().replace(IPN_HASH, IPN_HASH.upper())))


@pytest.mark.parametrize("doubled", ["vnp_Amount=20000000", "vnp_TxnRef=pay02", f"vnp_SecureHash={IPN_HASH}"])
async def test_a_parameter_that_stands_twice_is_refused(doubled: str) -> None:
    assert await refusal(raw(f"{sent()}&{doubled}")) == "malformed"
    assert await refusal(raw(f"{doubled}&{sent()}")) == "malformed"


@pytest.mark.parametrize("query", [sent() + "&vnp_Info=%ff", sent().encode() + b"&vnp_Info=\xff"])
async def test_what_is_not_utf_8_is_refused(query: str | bytes) -> None:
    assert await refusal(raw(query)) == "malformed"


async def test_what_is_not_vnpays_is_not_read() -> None:
    assert await READER.read(raw(f"{sent()}&utm=1&utm=2"))


async def test_another_terminals_notice_is_refused() -> None:
    assert await refusal(raw(sent(TmnCode="EXAMPLE2"))) == "account"


@pytest.mark.parametrize("amount", ["", "200000.0", "2e7", "-20000000", "20000001", "\uff10"])
async def test_an_amount_that_is_none_is_refused(amount: str) -> None:
    assert await refusal(raw(sent(Amount=amount))) == "malformed"


@pytest.mark.parametrize("name", ["TxnRef", "ResponseCode", "TransactionStatus"])
async def test_a_notice_that_leaves_out_what_it_is_about_is_refused(name: str) -> None:
    assert await refusal(raw(sent(**{name: ""}))) == "malformed"


async def test_a_success_without_its_number_is_asked_about_and_a_failure_needs_none() -> None:
    (notice,) = await READER.read(raw(sent(TransactionNo="")))
    assert notice.report is None
    (notice,) = await READER.read(raw(sent(TransactionNo="", ResponseCode="24", TransactionStatus="02")))
    assert notice.report == Voided("pay01")


async def test_a_notice_is_a_get() -> None:
    assert await refusal(raw(sent(), "POST")) == "malformed"


@pytest.mark.parametrize(
    ("reception", "code"),
    [
        (Reception.RECORDED, "00"),
        (Reception.REPEATED, "02"),
        (Reception.IGNORED, "00"),
        (Reception.CONTRADICTED, "04"),
        (Reception.UNKNOWN_PAYMENT, "01"),
        (Reception.REFUSED, "97"),
        (Reception.UNAVAILABLE, "99"),
    ],
)
def test_every_reception_is_answered_by_its_code(reception: Reception, code: str) -> None:
    reply = READER.reply(reception)
    assert reply.status == 200
    assert json.loads(reply.body)["RspCode"] == code
