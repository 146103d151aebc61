"""Every position a payment can be in, each reached the way the domain reaches it: by commands."""

from collections.abc import Iterator

from app.domain.payment.events import Operation
from app.domain.payment.model import Capture, CloseSession, Expire, GiveUp, RequestLookUp
from app.domain.reports import ProviderReport
from tests.support.builders import (
    ACTION_NEEDED,
    ANOTHER_ACTION,
    APPROVED,
    CANCEL,
    DECLINED,
    EXPIRED_THERE,
    LATER,
    NO_ANSWER,
    NO_TRACE,
    NOW,
    PENDING,
    TOKEN_IS_ERASED,
    VOIDED,
    GivenPayment,
    authorized,
    call,
    captured,
    keeping_token,
    payment,
    refund,
    refunded,
    said,
    transferred,
)
from tests.support.spec import PAYMENT

AUTHORIZE, CONFIRM, CAPTURE = Operation.AUTHORIZE, Operation.CONFIRM, Operation.CAPTURE
VOID, REFUND = Operation.VOID, Operation.REFUND


def authorizing(*, manual: bool = False, expires: bool = False) -> GivenPayment:
    return payment(manual=manual, expires=expires).after(call())


def cancelling(*, expires: bool = False) -> GivenPayment:
    return authorizing(expires=expires).after(CANCEL)


def awaiting_customer(*, manual: bool = False, expires: bool = False) -> GivenPayment:
    return authorizing(manual=manual, expires=expires).after(said(ACTION_NEEDED))


def confirming(*, manual: bool = False, expires: bool = False) -> GivenPayment:
    return awaiting_customer(manual=manual, expires=expires).after(said(APPROVED))


def partly_transferred(*, expires: bool = False) -> GivenPayment:
    return awaiting_customer(expires=expires).after(said(transferred(400)))


def transferred_in_full() -> GivenPayment:
    return partly_transferred().after(said(transferred(600, reference="bank-2")))


def held() -> GivenPayment:
    """Authorised, to be captured when the merchant says so."""
    return authorizing(manual=True).after(said(authorized()))


def capturing() -> GivenPayment:
    return authorizing().after(said(authorized()))


def voiding() -> GivenPayment:
    return held().after(CANCEL)


def ending_session() -> GivenPayment:
    return awaiting_customer().after(CANCEL)


def taken() -> GivenPayment:
    return capturing().after(call(CAPTURE), said(captured(), CAPTURE))


def partly_taken(amount: int = 600) -> GivenPayment:
    return held().after(Capture(NOW, amount), call(CAPTURE), said(captured(amount), CAPTURE))


def refunding(amount: int | None = None) -> GivenPayment:
    return taken().after(refund(amount=amount))


def declined(*, manual: bool = False) -> GivenPayment:
    return authorizing(manual=manual).after(said(DECLINED))


def timed_out(*, manual: bool = False) -> GivenPayment:
    """Failed because the provider has no trace of it."""
    return authorizing(manual=manual).after(said(NO_TRACE), GiveUp(NOW))


def cancelled() -> GivenPayment:
    return payment().after(CANCEL)


def session_expired() -> GivenPayment:
    """The customer may still pay at the provider."""
    return awaiting_customer(expires=True).after(Expire(LATER))


def session_cancelled() -> GivenPayment:
    """The customer may still pay at the provider."""
    return ending_session().after(call(VOID), said(VOIDED, VOID))


def expired(*, manual: bool = False) -> GivenPayment:
    return payment(manual=manual, expires=True).after(Expire(LATER))


def _with_its_calls(
    name: str, given: GivenPayment, operation: Operation, refund_id: str | None = None
) -> Iterator[tuple[str, GivenPayment]]:
    """A position in which an operation is to be carried out, and where its calls may stand."""
    under_way = given.after(call(operation, refund_id))

    def after(*answers: ProviderReport) -> GivenPayment:
        return under_way.after(*(said(answer, operation, refund_id=refund_id) for answer in answers))

    yield name, given
    yield f"{name}, call under way", under_way
    yield f"{name}, outcome unknown", after(NO_ANSWER)
    yield f"{name}, no trace", after(NO_TRACE)
    yield f"{name}, second call", after(NO_TRACE).after(call(operation, refund_id))


def _positions() -> Iterator[tuple[str, GivenPayment]]:
    yield "nothing", PAYMENT.given()
    yield from _with_its_calls("initiated", payment(), AUTHORIZE)
    yield from _with_its_calls("initiated by hand", payment(manual=True), AUTHORIZE)
    yield from _with_its_calls("initiated with a deadline", payment(expires=True), AUTHORIZE)
    yield "cancelling", cancelling()
    yield "cancelling, outcome unknown", cancelling().after(said(NO_ANSWER))
    yield "cancelling, no trace", cancelling().after(said(NO_TRACE))
    yield "cancelling with a deadline, no trace", cancelling(expires=True).after(said(NO_TRACE))
    yield "awaiting customer", awaiting_customer()
    yield "awaiting customer, no trace", awaiting_customer().after(said(NO_TRACE))
    yield "awaiting customer with a deadline", awaiting_customer(expires=True)
    yield "customer acted", awaiting_customer().after(said(PENDING))
    yield "awaiting customer, reason to ask", awaiting_customer().after(RequestLookUp("notice", NOW))
    yield "awaiting customer, a part has come", partly_transferred()
    yield "awaiting the rest", partly_transferred().after(said(ANOTHER_ACTION))
    yield "awaiting customer with a deadline, a part has come", partly_transferred(expires=True)
    yield "transferred in full", transferred_in_full()
    yield "transferred twice", transferred_in_full().after(said(transferred(reference="bank-3")))
    yield from _with_its_calls("confirming", confirming(), CONFIRM)
    yield from _with_its_calls("confirming by hand", confirming(manual=True), CONFIRM)
    yield "confirming with a deadline", confirming(expires=True)
    yield "confirming, cancelling", confirming().after(call(CONFIRM), CANCEL)
    yield "confirming, cancelling, no trace", confirming().after(call(CONFIRM), CANCEL, said(NO_TRACE, CONFIRM))
    yield "sent back to choose again", confirming().after(call(CONFIRM), said(ACTION_NEEDED, CONFIRM))
    yield (
        "confirming again",
        confirming().after(call(CONFIRM), said(ACTION_NEEDED, CONFIRM), said(APPROVED)),
    )
    yield from _with_its_calls("ending the session", ending_session(), VOID)
    yield "session cannot be ended", ending_session().after(said(DECLINED, VOID))
    yield "held", held()
    yield from _with_its_calls("voiding", voiding(), VOID)
    yield "void refused", voiding().after(said(DECLINED, VOID))
    yield from _with_its_calls("capturing", capturing(), CAPTURE)
    yield from _with_its_calls("capturing a part", held().after(Capture(NOW, 600)), CAPTURE)
    yield "taken", taken()
    yield "partly taken", partly_taken()
    yield "taken although cancelled", voiding().after(said(captured(), CAPTURE))
    yield from _with_its_calls("refunding", refunding(), REFUND, "ref_1")
    yield from _with_its_calls("refunding a part", refunding(400), REFUND, "ref_1")
    yield "partly refunded", refunding(400).after(said(refunded(400), REFUND, refund_id="ref_1"))
    yield "refunded", refunding().after(said(refunded(), REFUND, refund_id="ref_1"))
    yield "refund refused", refunding().after(said(DECLINED, REFUND, refund_id="ref_1"))
    yield "capture declined", capturing().after(said(DECLINED, CAPTURE))
    for end, given in {
        "declined": declined(),
        "cancelled": cancelled(),
        "voided": voiding().after(said(VOIDED)),
    }.items():
        yield end, given
        yield from _with_its_calls(f"{end}, then held", given.after(said(authorized())), VOID)
        yield from _with_its_calls(f"{end}, then taken", given.after(said(captured())), REFUND)
        yield f"{end}, then held and given back", given.after(said(authorized()), said(VOIDED, VOID))
        yield f"{end}, then taken and given back", given.after(said(captured()), said(refunded(), REFUND))
        yield f"{end}, then taken and kept", given.after(said(captured()), said(DECLINED, REFUND))
    yield "timed out", timed_out()
    yield "timed out by hand", timed_out(manual=True)
    yield "expired", expired()
    yield "expired by hand", expired(manual=True)
    yield "expired, then taken in full", expired().after(said(captured()))
    yield "expired, then taken in part", expired().after(said(captured(1)))
    yield "expired while waited for", session_expired()
    yield "expired while waited for, then taken", session_expired().after(said(captured()))
    yield "expired, then transferred", session_expired().after(said(transferred(1100)))
    yield "expired with a part", partly_transferred(expires=True).after(Expire(LATER))
    yield "expired at the provider", awaiting_customer().after(said(EXPIRED_THERE))
    yield "expired, session closed", session_expired().after(CloseSession(LATER))
    yield "cancelled while waited for", session_cancelled()
    yield from _with_its_calls(
        "cancelled while waited for, then taken", session_cancelled().after(said(captured())), REFUND
    )
    yield "cancelled, then transferred", session_cancelled().after(said(transferred()))


def _keeping_tokens() -> Iterator[tuple[str, GivenPayment]]:
    """Where a card's token may be kept in a stream of its own, and where it has been erased."""
    for name, given in {
        "initiated": payment(),
        "authorizing": authorizing(),
        "authorizing by hand, no trace": authorizing(manual=True).after(said(NO_TRACE)),
        "cancelling": cancelling(),
        "awaiting customer": awaiting_customer(expires=True),
        "session cannot be ended": ending_session().after(said(DECLINED, VOID)),
    }.items():
        yield f"{name}, token needed", keeping_token(given)
    for name, given in {
        "confirming": confirming(),
        "ending the session": ending_session(),
        "held": held(),
        "capturing": capturing(),
        "voiding": voiding(),
        "taken": taken(),
        "refunding": refunding(400),
        "declined": declined(),
        "declined, then taken": declined().after(said(captured())),
        "cancelled": cancelled(),
        "timed out by hand": timed_out(manual=True),
        "expired": expired(),
        "expired while waited for": session_expired(),
        "cancelled while waited for": session_cancelled(),
    }.items():
        yield f"{name}, token kept", keeping_token(given)
        yield f"{name}, token erased", keeping_token(given).after(TOKEN_IS_ERASED)


POSITIONS = dict((*_positions(), *_keeping_tokens()))
