"""How the status that clients see may move."""

from collections.abc import Sequence
from itertools import pairwise

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


def assert_moves_along_the_arrows(events: Sequence[PaymentEvent]) -> None:
    state: PaymentState = NotInitiated()
    statuses: list[PaymentStatus] = []
    accepted = False
    for event in events:
        state = evolve(state, event)
        statuses.append(status_of(state))
        for arrow in pairwise(statuses[-2:]):
            if arrow[0] is not arrow[1]:
                assert arrow in CONTRACT | ADDED | (ACCEPTED_LATE if accepted else set()), arrow
        accepted = isinstance(event, LateSuccessRecorded) and event.resolution == "ACCEPTED"
