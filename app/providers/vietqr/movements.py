"""Money that has arrived by bank transfer, in the one form that all feeds are brought to. Pure.

Two feeds tell of one transfer when account, bank's reference, amount and day are the same. That all of them write the
bank's reference alike is what they say of it, and unconfirmed for every bank: one that does not must not be the second.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from app.domain.money import Money
from app.domain.reports import Transferred
from app.domain.transfer_codes import find_transfer_code
from app.providers.notices import Notice, TransferNamed

CURRENCY = "VND"
VIETNAM = timezone(timedelta(hours=7))


@dataclass(frozen=True, slots=True)
class Movement:
    """One line of the statement of an account; `amount` is in đồng, and below zero for money that has left it.

    `at` is Vietnam's time; `virtual_account` is the number it was sent to, where an account has several; `order` is
    that of a payment link.
    """

    account: str
    bank_reference: str
    amount: int
    at: datetime
    text: str
    virtual_account: str | None = None
    order: int | None = None

    @property
    def reference(self) -> str:
        """The same whichever feed tells of it: the day is the bank's, in Vietnam."""
        return f"{self.account}-{self.at.date()}-{self.bank_reference.strip().upper()}-{self.amount}"

    @property
    def code(self) -> str | None:
        """The transfer code in its text."""
        return find_transfer_code(self.text)

    @property
    def report(self) -> Transferred:
        """What it is to a payment."""
        return Transferred(self.reference, Money(self.amount, CURRENCY))


def notice_of(movement: Movement, code: str | None) -> Notice:
    """What it is for the desk that finds its payment by `code`."""
    return Notice(
        event_id=movement.reference,
        about=TransferNamed(code),
        report=movement.report,
        evidence=evidence_of(movement),
    )


def evidence_of(movement: Movement) -> dict[str, str | int]:
    """What people need to find out whose money it is."""
    return {
        "account": movement.account,
        "bank_reference": movement.bank_reference,
        "amount": movement.amount,
        "at": movement.at.isoformat(),
        "text": movement.text,
    }


def vietnam_time(text: str) -> datetime:
    """A bank's time, in Vietnam's; without an offset it is that already. Raises `ValueError`."""
    at = datetime.fromisoformat(text)
    try:
        return at.replace(tzinfo=VIETNAM) if at.tzinfo is None else at.astimezone(VIETNAM)
    except OverflowError:
        raise ValueError("a time before or after all times") from None
