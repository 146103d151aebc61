"""A provider as it ought to be, reduced to its books, behind a network that is not as it ought to be."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Literal

from app.domain import reports
from app.domain.money import Money
from app.domain.payment.events import Operation
from app.domain.reports import ProviderReport
from tests.support.builders import ACTION_NEEDED, DECLINED, PENDING, REFERENCE, VOIDED

VISIBILITY_DELAY = timedelta(seconds=60)


class Fate(Enum):
    """What becomes of one call on its way."""

    ANSWERED = auto()
    LOST_BEFORE = auto()
    """No answer, no effect."""
    LOST_AFTER = auto()
    """No answer, but the effect."""
    HIDDEN = auto()
    """No answer, and an effect that a question finds only after a while."""


class Temper(Enum):
    """How a new payment is answered."""

    HOLDS = auto()
    TAKES = auto()
    """Takes the money at once, as a bank transfer does."""
    ASKS = auto()
    """Wants the customer to act, then holds or takes or declines."""
    DECLINES = auto()


@dataclass
class ModelProvider:
    """The books of one payment. Whatever it does, it does once for a key, and answers the same for it ever after."""

    temper: Temper
    price: Money
    sessions_stay: bool = False
    """Whether a customer may pay although the session was to be ended."""
    money: Literal["none", "waiting", "held", "taken", "declined", "released"] = "none"
    taken: int = 0
    given_back: int = 0
    ledger: list[Operation] = field(default_factory=list)
    """Every movement of money there was."""
    refused: bool = False
    """Whether it refused to give something back, so that people have to look."""
    notices: list[tuple[Operation, ProviderReport, str | None]] = field(default_factory=list)
    """What it has told, or will yet tell, by webhook."""
    _answers: dict[str, ProviderReport] = field(default_factory=dict)
    _visible_at: dict[str, datetime] = field(default_factory=dict)

    def call(
        self,
        operation: Operation,
        key: str,
        money: Money,
        refund_id: str | None,
        *,
        now: datetime,
        fate: Fate,
        refuses: bool,
    ) -> ProviderReport:
        """Have an operation carried out."""
        if fate is Fate.LOST_BEFORE:
            return reports.Unknown("no answer")
        if key not in self._answers:
            self._answers[key] = self._carry_out(operation, money, refuses=refuses)
            self._visible_at[key] = now + (VISIBILITY_DELAY * 0.9 if fate is Fate.HIDDEN else timedelta())
            self.notices.append((operation, self._answers[key], refund_id))
        return self._answers[key] if fate is Fate.ANSWERED else reports.Unknown("no answer")

    def look_up(self, operation: Operation, key: str, *, started_at: datetime, now: datetime) -> ProviderReport:
        """What became of an operation."""
        if key not in self._answers or now < self._visible_at[key]:
            return reports.Missing(conclusive=now >= started_at + VISIBILITY_DELAY)
        return self._standing() if operation is Operation.AUTHORIZE else self._answers[key]

    def customer(self, acts: Literal["approves", "pays", "leaves", "hesitates"]) -> None:
        """The customer does something at the provider's."""
        if self.money != "waiting":
            return
        if acts == "hesitates":
            self.notices.append((Operation.AUTHORIZE, PENDING, None))
            return
        report = {"approves": self._hold, "pays": self._take_all, "leaves": self._decline}[acts]()
        self.notices.append((Operation.AUTHORIZE, report, None))

    def _carry_out(self, operation: Operation, money: Money, *, refuses: bool) -> ProviderReport:
        match operation:
            case Operation.AUTHORIZE:
                return self._authorize()
            case Operation.CONFIRM:
                raise AssertionError("there is nothing to confirm here")
            case Operation.CAPTURE:
                return self._capture(money, refuses=refuses)
            case Operation.VOID:
                return self._void(refuses=refuses)
            case Operation.REFUND:
                return self._refund(money, refuses=refuses)

    def _authorize(self) -> ProviderReport:
        match self.temper:
            case Temper.HOLDS:
                return self._hold()
            case Temper.TAKES:
                return self._take_all()
            case Temper.DECLINES:
                return self._decline()
            case Temper.ASKS:
                self.money = "waiting"
                return ACTION_NEEDED

    def _capture(self, money: Money, *, refuses: bool) -> ProviderReport:
        if refuses or self.money != "held":
            # What cannot be taken is not held any longer either.
            self.money = "released"
            return DECLINED
        self.money, self.taken = "taken", money.amount
        self.ledger.append(Operation.CAPTURE)
        return reports.Captured(REFERENCE, money)

    def _void(self, *, refuses: bool) -> ProviderReport:
        if refuses or self.money == "taken":
            self.refused = True
            return DECLINED
        if self.money == "waiting" and self.sessions_stay:
            return VOIDED
        if self.money == "held":
            self.ledger.append(Operation.VOID)
        self.money = "released"
        return VOIDED

    def _refund(self, money: Money, *, refuses: bool) -> ProviderReport:
        if refuses or money.amount > self.taken - self.given_back:
            self.refused = True
            return DECLINED
        self.given_back += money.amount
        self.ledger.append(Operation.REFUND)
        return reports.Refunded("re_1", money)

    def _hold(self) -> ProviderReport:
        self.money = "held"
        self.ledger.append(Operation.AUTHORIZE)
        return reports.Authorized(REFERENCE, self.price)

    def _take_all(self) -> ProviderReport:
        self.money, self.taken = "taken", self.price.amount
        self.ledger += [Operation.AUTHORIZE, Operation.CAPTURE]
        return reports.Captured(REFERENCE, self.price)

    def _decline(self) -> ProviderReport:
        self.money = "declined"
        return DECLINED

    def _standing(self) -> ProviderReport:
        match self.money:
            case "waiting":
                return ACTION_NEEDED
            case "held":
                return reports.Authorized(REFERENCE, self.price)
            case "taken":
                return reports.Captured(REFERENCE, Money(self.taken, self.price.currency))
            case "released":
                return VOIDED
            case "none" | "declined":
                return DECLINED
