"""Every kind of command with every kind of content, and the histories they lead to."""

from collections.abc import Iterator

from hypothesis import strategies as st

from app.domain.payment.decide import decide
from app.domain.payment.events import Operation, PaymentEvent
from app.domain.payment.evolve import fold
from app.domain.payment.model import (
    Cancel,
    Capture,
    CloseSession,
    Expire,
    GiveUp,
    Initiate,
    PaymentCommand,
    PaymentState,
    RecordReport,
    RecordTokenErased,
    RefundMoney,
    RequestLookUp,
    StartCall,
)
from app.domain.refusals import Refusal
from app.domain.reports import ProviderReport
from tests.support.builders import (
    ACTION_NEEDED,
    APPROVED,
    DECLINED,
    EXPIRED_THERE,
    LATER,
    NO_ANSWER,
    NO_TRACE,
    NO_TRACE_YET,
    NOW,
    PENDING,
    VOIDED,
    authorized,
    captured,
    initiated,
    refunded,
    transferred,
)
from tests.support.positions import POSITIONS

REFUND_IDS = (None, "ref_1", "ref_2")
AMOUNTS = (-1, 0, 1, 400, 600, 1000, 1001)


def _reports() -> Iterator[ProviderReport]:
    yield from (ACTION_NEEDED, APPROVED, DECLINED, EXPIRED_THERE, VOIDED, PENDING, NO_TRACE, NO_TRACE_YET, NO_ANSWER)
    for amount in AMOUNTS:
        yield from (authorized(amount), captured(amount), refunded(amount), transferred(amount))
    for currency in ("USD", "eur", "???", ""):
        yield from (authorized(currency=currency), captured(currency=currency), refunded(currency=currency))
        yield transferred(currency=currency)


REPORTS = tuple(_reports())


def _commands() -> Iterator[PaymentCommand]:
    yield from (Initiate(initiated()), Initiate(initiated(fingerprint="another")))
    yield from (Cancel(NOW), Cancel(NOW, "changed my mind"), GiveUp(NOW), Expire(NOW), Expire(LATER))
    yield from (RequestLookUp("notice", NOW), RequestLookUp("return_page", NOW), CloseSession(NOW))
    yield RecordTokenErased(NOW)
    yield from (Capture(NOW, amount) for amount in (None, *AMOUNTS))
    for refund_id in REFUND_IDS:
        yield from (StartCall(operation, NOW, refund_id) for operation in Operation)
        yield from (RefundMoney(refund_id or "ref_3", NOW, amount) for amount in (None, *AMOUNTS))
        for operation in Operation:
            for attempt in (None, 1, 2):
                yield from (RecordReport(operation, report, NOW, refund_id, attempt) for report in REPORTS)


COMMANDS = tuple(_commands())

# Most of all commands are contradictions and out of place: most of what is drawn is not.
_USUAL: tuple[PaymentCommand, ...] = (
    *(StartCall(operation, NOW) for operation in (Operation.AUTHORIZE, Operation.CAPTURE, Operation.VOID)),
    *(RecordReport(Operation.AUTHORIZE, report, NOW) for report in (authorized(), captured(), ACTION_NEEDED, PENDING)),
    *(RecordReport(Operation.AUTHORIZE, report, NOW) for report in (APPROVED, transferred(400), transferred(600))),
    *(RecordReport(Operation.CONFIRM, report, NOW) for report in (authorized(), captured(), ACTION_NEEDED, DECLINED)),
    StartCall(Operation.CONFIRM, NOW),
    *(RecordReport(Operation.CAPTURE, report, NOW) for report in (captured(), captured(600), DECLINED)),
    *(RecordReport(Operation.VOID, report, NOW) for report in (VOIDED, DECLINED)),
    *(RecordReport(Operation.REFUND, refunded(n), NOW, ref) for n in (400, 1000) for ref in REFUND_IDS),
    *(RecordReport(operation, NO_TRACE, NOW) for operation in Operation),
    *(RefundMoney(refund_id, NOW, amount) for amount in (None, 400) for refund_id in ("ref_1", "ref_2")),
    *(StartCall(Operation.REFUND, NOW, refund_id) for refund_id in REFUND_IDS),
    Capture(NOW),
    Capture(NOW, 600),
    Cancel(NOW),
    GiveUp(NOW),
    Expire(LATER),
    RecordTokenErased(NOW),
)


def decided_or_refused(command: PaymentCommand, state: PaymentState) -> list[PaymentEvent]:
    """What follows, nothing when it is refused; any other exception fails the test."""
    try:
        return decide(command, state)
    except Refusal:
        return []


# Made once: a strategy of a table goes through all of it before it draws, whenever it is made anew.
_BEGINNINGS = st.sampled_from([given.events for given in POSITIONS.values() if given.events])
_WHAT_FOLLOWS = st.lists(st.sampled_from(_USUAL) | st.sampled_from(COMMANDS), max_size=40)


@st.composite
def histories(draw: st.DrawFn) -> list[PaymentEvent]:
    """The events of a payment that was asked, and told, all sorts of things in all sorts of orders.

    It begins anywhere, so that what is far from the beginning is reached as often as what is near it.
    """
    events = list(draw(_BEGINNINGS))
    state = fold(events)
    for command in draw(_WHAT_FOLLOWS):
        decided = decided_or_refused(command, state)
        events += decided
        state = fold(decided, state)
    return events
