"""How the status that clients see may move."""

from collections.abc import Sequence

from app.domain.payment.events import LateSuccessRecorded, PaymentEvent
from app.domain.payment.evolve import evolve
from app.domain.payment.model import NotInitiated, PaymentState, PaymentStatus, status_of

S = PaymentStatus

CONTRACT = {
    (S.INITIATED, S.PROCESSING),
    (S.PROCESSING, S.SUCCEEDED),
    (S.PROCESSING, S.FAILED),
    (S.PROCESSING, S.CANCELLED),
    (S.PROCESSING, S.EXPIRED),
    (S.PROCESSING, S.REQUIRES_ACTION),
    (S.REQUIRES_ACTION, S.PROCESSING),
    (S.PROCESSING, S.AUTHORIZED),
    (S.AUTHORIZED, S.PROCESSING),
    (S.AUTHORIZED, S.CANCELLED),
    (S.SUCCEEDED, S.PARTIALLY_REFUNDED),
    (S.PARTIALLY_REFUNDED, S.REFUNDED),
}

ADDED = {
    # Before a provider was called, and while the customer is waited for, a payment ends at once.
    (S.INITIATED, S.CANCELLED),
    (S.INITIATED, S.EXPIRED),
    (S.REQUIRES_ACTION, S.EXPIRED),
    # All of the money may go back in one refund.
    (S.SUCCEEDED, S.REFUNDED),
}

ACCEPTED_LATE = {
    (ended, going_on) for ended in (S.EXPIRED, S.FAILED) for going_on in (S.PROCESSING, S.AUTHORIZED, S.SUCCEEDED)
}
"""What only the acceptance of a late success allows."""

RESTING = {S.SUCCEEDED, S.PARTIALLY_REFUNDED, S.REFUNDED, S.FAILED, S.CANCELLED, S.EXPIRED}

ALWAYS = CONTRACT | ADDED
NOTHING = NotInitiated()


def assert_moves_along_the_arrows(events: Sequence[PaymentEvent], state: PaymentState = NOTHING) -> None:
    """Of `events`, which follow on `state`."""
    before = None if isinstance(state, NotInitiated) else status_of(state)
    accepted = False
    for event in events:
        state = evolve(state, event)
        after = status_of(state)
        arrow = (before, after)
        if before is not None and before is not after:
            assert arrow in ALWAYS or (accepted and arrow in ACCEPTED_LATE), arrow
        before = after
        accepted = isinstance(event, LateSuccessRecorded) and event.resolution == "ACCEPTED"
