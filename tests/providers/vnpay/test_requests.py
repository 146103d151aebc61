"""Exactly what VNPay is sent, and what its answers mean."""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from app.domain.ids import PaymentId
from app.domain.money import Money
from app.domain.payment.events import Operation, RedirectAction
from app.domain.reports import (
    ActionNeeded,
    Captured,
    Declined,
    Expired,
    Missing,
    Pending,
    ProviderReport,
    Refunded,
    Unknown,
    Voided,
)
from app.providers.http import ProviderHttp
from app.providers.port import Authorization, PaymentTerms, Query, RefundCall, VoidCall
from app.providers.vnpay.adapter import VNPayProvider
from app.providers.vnpay.requests import plain, refund_info
from app.providers.vnpay.settings import VNPaySettings
from app.providers.vnpay.signature import (
    HASH,
    QUERY_ANSWER_FIELDS,
    QUERY_FIELDS,
    REFUND_ANSWER_FIELDS,
    REFUND_FIELDS,
    joined,
    signature,
)
from tests.providers.vnpay.test_signature import PAY_HASH, PAY_TEXT, SECRET

INITIATED = datetime(2025, 11, 20, 12, 0, tzinfo=UTC)
NOW = INITIATED + timedelta(minutes=2)
PRICE = Money(200_000, "VND")
TERMS = PaymentTerms(
    PaymentId("pay01"),
    PRICE,
    "redirect",
    INITIATED,
    "https://shop.example/return?m=vnpay",
    description="Thanh toán đơn hàng 01",
)
KEY = "pay01.authorize.1"
REFUND_KEY = "pay01.refund.ref_1"
PAYING = RedirectAction(url=f"https://vnpay.test/paymentv2/vpcpay.html?{PAY_TEXT}&vnp_SecureHash={PAY_HASH}")
Respond = Callable[[httpx.Request], httpx.Response]


def settings() -> VNPaySettings:
    values: dict[str, Any] = {
        "pay_url": "https://vnpay.test/paymentv2/vpcpay.html",
        "api_url": "https://vnpay.test/merchant_webapi/api/transaction",
        "tmn_code": "EXAMPLE1",
        "hash_secret": SECRET,
        "ip_address": "203.0.113.7",
    }
    return VNPaySettings(**values)


def never(request: httpx.Request) -> httpx.Response:
    raise AssertionError(f"no call was to be made, least of all to {request.url}")


@asynccontextmanager
async def vnpay(respond: Respond = never, now: datetime = NOW) -> AsyncIterator[VNPayProvider]:
    """The adapter, with `respond` in VNPay's place."""
    base = "https://vnpay.test/merchant_webapi/api"
    async with httpx.AsyncClient(base_url=base, transport=httpx.MockTransport(respond)) as client:
        yield VNPayProvider(ProviderHttp(client, "vnpay", 1.0), settings(), lambda: now)


def answering(answer: Mapping[str, object], fields: tuple[str, ...], given: str | None = None) -> Respond:
    signed = {**answer, HASH: signature(joined(answer, fields), SECRET) if given is None else given}
    return lambda _: httpx.Response(200, json=signed)


def found(**changes: str) -> dict[str, str]:
    """A query's answer about a payment that was made, with changes."""
    usual = {
        "ResponseId": "rsp0001",
        "Command": "querydr",
        "ResponseCode": "00",
        "Message": "Success",
        "TmnCode": "EXAMPLE1",
        "TxnRef": "pay01",
        "Amount": "20000000",
        "BankCode": "NCB",
        "PayDate": "20251120190312",
        "TransactionNo": "14226112",
        "TransactionType": "01",
        "TransactionStatus": "00",
        "OrderInfo": "Thanh toan don hang 01",
    }
    return {f"vnp_{name}": value for name, value in {**usual, **changes}.items()}


def query(operation: Operation = Operation.AUTHORIZE, *, conclusive: bool = False) -> Query:
    key = REFUND_KEY if operation is Operation.REFUND else KEY
    return Query(TERMS, operation, key, "14226112", conclusive, PRICE)


async def looked_up(answer: Mapping[str, object], asked: Query | None = None, now: datetime = NOW) -> ProviderReport:
    async with vnpay(answering(answer, QUERY_ANSWER_FIELDS), now) as provider:
        return await provider.look_up(asked or query())


async def test_the_customers_address_is_the_published_one_and_no_call_is_made() -> None:
    async with vnpay() as provider:
        report = await provider.authorize(Authorization(TERMS, KEY))
        assert report == ActionNeeded("pay01", PAYING)
        assert await provider.authorize(Authorization(TERMS, KEY)) == report
        assert await provider.void(VoidCall(TERMS, "pay01.void.1", "pay01", held=False)) == Voided("pay01")


@pytest.mark.parametrize("money", [Money(10, "USD"), Money(0, "VND"), Money(10_000_000_000, "VND")])
async def test_what_vnpay_does_not_take_is_refused_without_a_call(money: Money) -> None:
    terms = PaymentTerms(PaymentId("pay01"), money, "redirect", INITIATED, "https://shop.example/return")
    async with vnpay() as provider:
        assert isinstance(await provider.authorize(Authorization(terms, KEY)), Declined)


@pytest.mark.parametrize(
    ("text", "bare"),
    [("Đơn hàng số 5", "Don hang so 5"), ("a & b/~c", "a b c"), ("日本", ""), ("x" * 300, "x" * 255)],
)
def test_descriptions_lose_accents_and_special_characters(text: str, bare: str) -> None:
    assert plain(text) == bare


async def test_a_query_is_sent_as_vnpay_wants_it() -> None:
    requests: list[httpx.Request] = []

    def respond(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return answering(found(), QUERY_ANSWER_FIELDS)(request)

    async with vnpay(respond) as provider:
        assert await provider.look_up(query()) == Captured("14226112", PRICE)
    (request,) = requests
    assert (request.method, str(request.url)) == ("POST", "https://vnpay.test/merchant_webapi/api/transaction")
    assert request.headers["content-type"] == "application/json"
    sent = json.loads(request.content)
    assert len(sent["vnp_RequestId"]) == 32
    assert sent == {
        "vnp_RequestId": sent["vnp_RequestId"],
        "vnp_Version": "2.1.0",
        "vnp_Command": "querydr",
        "vnp_TmnCode": "EXAMPLE1",
        "vnp_TxnRef": "pay01",
        "vnp_OrderInfo": f"Truy van {sent['vnp_RequestId']}",
        "vnp_TransactionDate": "20251120190000",
        "vnp_CreateDate": "20251120190200",
        "vnp_IpAddr": "203.0.113.7",
        "vnp_SecureHash": signature(joined(sent, QUERY_FIELDS), SECRET),
    }


@pytest.mark.parametrize(("amount", "kind"), [(200_000, "02"), (50_000, "03")])
async def test_a_refund_is_sent_as_vnpay_wants_it_and_alike_each_time(amount: int, kind: str) -> None:
    bodies: list[bytes] = []

    def respond(request: httpx.Request) -> httpx.Response:
        bodies.append(request.content)
        answer = found(Command="refund", Amount=f"{amount}00", TransactionNo="14226113", TransactionStatus="06")
        return answering(answer, REFUND_ANSWER_FIELDS)(request)

    call = RefundCall(TERMS, REFUND_KEY, "14226112", Money(amount, "VND"), PRICE)
    async with vnpay(respond) as provider:
        assert await provider.refund(call) == Refunded("14226113", Money(amount, "VND"))
        await provider.refund(call)
    assert bodies[0] == bodies[1]
    sent = json.loads(bodies[0])
    assert sent == {
        "vnp_RequestId": refund_info(REFUND_KEY).removeprefix("Hoan tien "),
        "vnp_Version": "2.1.0",
        "vnp_Command": "refund",
        "vnp_TmnCode": "EXAMPLE1",
        "vnp_TransactionType": kind,
        "vnp_TxnRef": "pay01",
        "vnp_Amount": f"{amount}00",
        "vnp_OrderInfo": refund_info(REFUND_KEY),
        "vnp_TransactionNo": "14226112",
        "vnp_TransactionDate": "20251120190000",
        "vnp_CreateBy": "paygate",
        "vnp_CreateDate": "20251120190200",
        "vnp_IpAddr": "203.0.113.7",
        "vnp_SecureHash": signature(joined(sent, REFUND_FIELDS), SECRET),
    }


FAILED = Declined("transaction_failed", "The payment did not succeed.", True, "pay01")


@pytest.mark.parametrize(
    ("changes", "report"),
    [
        ({}, Captured("14226112", PRICE)),
        ({"TransactionStatus": "01"}, ActionNeeded("pay01", PAYING)),
        ({"ResponseCode": "91", "TransactionStatus": ""}, ActionNeeded("pay01", PAYING)),
        ({"TransactionStatus": "02", "PayDate": "20251120190145"}, FAILED),
        ({"TransactionStatus": "02", "PayDate": ""}, FAILED),
        ({"TransactionStatus": "02", "PayDate": "20251120190146"}, Pending()),  # its notice will say why
        ({"TransactionStatus": "04"}, Pending()),
        ({"TransactionStatus": "07"}, Pending()),
        ({"TransactionStatus": "77"}, Pending()),
        ({"TransactionType": "02", "TransactionStatus": "05"}, Pending()),
        ({"Amount": "20000050"}, Unknown("an answer nobody understands")),
        ({"ResponseCode": "94"}, Unknown("a query was answered 94")),
        ({"TxnRef": "pay02"}, Unknown("an answer to another question")),
        ({"TmnCode": "EXAMPLE2"}, Unknown("an answer to another question")),
        ({"Command": "refund"}, Unknown("an answer to another question")),
    ],
)
async def test_every_state_of_a_payment_has_its_meaning(changes: dict[str, str], report: ProviderReport) -> None:
    assert await looked_up(found(**changes)) == report


@pytest.mark.parametrize("changes", [{"TransactionStatus": "01"}, {"ResponseCode": "91"}])
async def test_who_has_not_paid_in_time_is_too_late(changes: dict[str, str]) -> None:
    deadline = INITIATED + timedelta(minutes=20)
    assert await looked_up(found(**changes), now=deadline) == Expired("pay01")
    before = deadline - timedelta(seconds=1)
    assert isinstance(await looked_up(found(**changes), now=before), ActionNeeded)


@pytest.mark.parametrize("given", ["", "0" * 128, None])
async def test_an_answer_that_vnpay_has_not_signed_is_not_believed(given: str | None) -> None:
    respond = answering(found(), QUERY_ANSWER_FIELDS, given)
    if given is None:
        respond = lambda _: httpx.Response(200, json=found())  # noqa: E731
    async with vnpay(respond) as provider:
        assert await provider.look_up(query()) == Unknown("an answer that VNPay has not signed")


async def test_an_answer_that_nothing_was_found_needs_no_signature() -> None:
    async with vnpay(lambda _: httpx.Response(200, json={"vnp_ResponseCode": "91"})) as provider:
        assert await provider.look_up(query()) == ActionNeeded("pay01", PAYING)
        asked = query(Operation.REFUND, conclusive=True)
        assert isinstance(await provider.look_up(asked), Unknown)


OURS = refund_info(REFUND_KEY)


@pytest.mark.parametrize(
    ("changes", "report"),
    [
        ({}, Missing(conclusive=True)),
        ({"TransactionType": "03", "TransactionStatus": "05", "OrderInfo": OURS}, Pending()),
        ({"TransactionType": "03", "TransactionStatus": "06", "OrderInfo": OURS}, Refunded("14226112", PRICE)),
        ({"TransactionType": "02", "TransactionStatus": "00", "OrderInfo": OURS}, Refunded("14226112", PRICE)),
        (
            {"TransactionType": "02", "TransactionStatus": "09", "OrderInfo": OURS},
            Declined("refund_refused", "The bank refused the refund."),
        ),
        ({"TransactionType": "03", "OrderInfo": refund_info("another")}, Missing(conclusive=True)),
        ({"TransactionType": "03", "OrderInfo": "Thanh toan don hang 01"}, Pending()),
    ],
)
async def test_a_refund_is_found_by_its_text_and_never_doubled_in_doubt(
    changes: dict[str, str], report: ProviderReport
) -> None:
    assert await looked_up(found(**changes), query(Operation.REFUND, conclusive=True)) == report


@pytest.mark.parametrize(
    ("code", "report"),
    [
        ("02", Declined("wrong_merchant", "VNPay answered 02.")),
        ("03", Declined("invalid_format", "VNPay answered 03.")),
        ("91", Declined("transaction_not_found", "VNPay answered 91.")),
        ("94", Pending()),
        ("95", Declined("payment_not_successful", "VNPay answered 95.")),
        ("97", Declined("invalid_signature", "VNPay answered 97.")),
        ("99", Pending()),
        ("12", Unknown("a refund was answered 12")),
    ],
)
async def test_every_answer_to_a_refund_has_its_meaning(code: str, report: ProviderReport) -> None:
    answer = found(Command="refund", ResponseCode=code, TransactionStatus="")
    async with vnpay(answering(answer, REFUND_ANSWER_FIELDS)) as provider:
        assert await provider.refund(RefundCall(TERMS, REFUND_KEY, "14226112", PRICE, PRICE)) == report
