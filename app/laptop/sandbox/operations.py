"""The calls that move money, each carried out at most once per idempotency key.

Effect, ledger entry and kept answer are one transaction: after a crash either all of them are there or none is.
Rules of keys as at Stripe (https://docs.stripe.com/api/idempotent_requests): the first answer is kept and replayed,
errors included; a key used with other parameters is an error.
"""

import hashlib
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from pydantic import JsonValue

from app.laptop.sandbox import answers, charges
from app.laptop.sandbox.answers import Answer, Refused, charge_json, refund_json
from app.laptop.sandbox.books import Books, OperationName
from app.laptop.sandbox.charges import Charge, ChargeStatus, Refusal
from app.laptop.sandbox.tokens import BEHAVIOURS, Behaviour

ApprovalUrl = Callable[[str], str]
"""The address of the approval page of the charge with this id."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What is to be authorised."""

    reference: str
    amount: int
    currency: str
    description: str | None = None
    return_url: str | None = None
    expires_at: datetime | None = None


def fingerprint(key: str, *parameters: object) -> str:
    """A digest that tells a repeat of a request from another one; salted, and the only thing kept of a token."""
    return hashlib.sha256(json.dumps([key, *parameters], default=str).encode()).hexdigest()


def existing(books: Books, charge_id: str) -> Charge:
    """The charge with this id; raises `Refused` when there is none."""
    charge = books.charge(charge_id)
    if charge is None:
        raise Refused(answers.missing("charge"))
    return charge


def once(books: Books, operation: OperationName, key: str, digest: str, effect: Callable[[Books], Answer]) -> Answer:
    """The kept answer of `key`, or that of `effect`, carried out now."""
    known = books.remembered(key)
    if known is not None:
        same = (known.operation, known.fingerprint) == (operation, digest)
        return known.answer if same else answers.KEY_REUSED
    answer = effect(books)
    if answer.kept:
        books.remember(key, operation, digest, answer)
    return answer


@dataclass(frozen=True, slots=True)
class Operations:
    """The four calls; each must run inside `once`."""

    approval_url: ApprovalUrl

    def authorize(self, books: Books, key: str, terms: Terms, token: str) -> Answer:
        """Hold the money, as the token says."""
        behaviour = BEHAVIOURS.get(token)
        if behaviour is None:
            return replace(answers.INVALID_TOKEN, kept=True)
        if not behaviour.charges:
            return Answer(504, {}, delivery=behaviour.delivery)
        if behaviour.failures and books.count_try(key) <= behaviour.failures:
            return answers.TURNED_AWAY
        charge = _new_charge(key, terms, behaviour, books.now())
        books.save(charge)
        if charge.status is ChargeStatus.AUTHORIZED:
            books.move("authorize", charge, charge.amount, key)
        return replace(self._of_charge(charge), delivery=behaviour.delivery)

    def capture(self, books: Books, key: str, charge: Charge, amount: int | None) -> Answer:
        """Take what is held."""
        captured = charges.capture(charge, amount)
        if isinstance(captured, Refusal):
            return self._refused(charge, captured)
        books.save(captured)
        books.move("capture", captured, captured.captured, key)
        return self._of_charge(captured)

    def void(self, books: Books, key: str, charge: Charge) -> Answer:
        """Release what is held."""
        voided = charges.void(charge)
        if isinstance(voided, Refusal):
            return self._refused(charge, voided)
        books.save(voided)
        if charge.status is ChargeStatus.AUTHORIZED:
            books.move("void", voided, charge.amount, key)
        return self._of_charge(voided)

    def refund(self, books: Books, key: str, charge: Charge, amount: int | None) -> Answer:
        """Give back what was taken."""
        refunded = charges.refund(charge, amount)
        if isinstance(refunded, Refusal):
            return self._refused(charge, refunded)
        returned = refunded.refunded - charge.refunded
        books.save(refunded)
        books.move("refund", refunded, returned, key)
        body = refund_json(f"re_{secrets.token_hex(12)}", refunded, returned)
        return Answer(200, body, charge.id, kept=True)

    def authenticate(self, books: Books, charge: Charge, *, approved: bool) -> Charge:
        """Take in the customer's decision; a second one changes nothing."""
        decided = charges.authenticate(charge, books.now(), approved=approved)
        if isinstance(decided, Refusal):
            return charge
        books.save(decided)
        if decided.status is ChargeStatus.AUTHORIZED:
            books.move("authorize", decided, decided.amount, decided.key)
        return decided

    def shown(self, charge: Charge) -> dict[str, JsonValue]:
        """The charge as clients see it."""
        return charge_json(charge, self.approval_url(charge.id))

    def _of_charge(self, charge: Charge) -> Answer:
        if charge.failure is None:
            return Answer(200, self.shown(charge), charge.id, kept=True)
        declined = answers.error(402, "card_error", charge.failure, charge=self.shown(charge))
        return replace(declined, charge=charge.id, kept=True)

    def _refused(self, charge: Charge, refusal: Refusal) -> Answer:
        refused = answers.error(400, "invalid_request_error", refusal, charge=self.shown(charge))
        return replace(refused, charge=charge.id, kept=True)


def _new_charge(key: str, terms: Terms, behaviour: Behaviour, now: datetime) -> Charge:
    return Charge(
        id=f"ch_{secrets.token_hex(12)}",
        reference=terms.reference,
        key=key,
        amount=terms.amount,
        currency=terms.currency,
        status=behaviour.outcome,
        created_at=now,
        failure=behaviour.refusal,
        description=terms.description,
        return_url=terms.return_url,
        expires_at=terms.expires_at,
    )
