"""What clients see of payments and orders, and the updates they are told of."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from app.domain.delivery.events import SubjectKind
from app.domain.delivery.model import DeliveryStatus
from app.domain.order.events import OrderItem
from app.domain.order.model import AttemptStatus, OrderStatus
from app.domain.payment.events import CaptureMode, CardAuthenticationAction, QrAction, RedirectAction
from app.domain.payment.model import PaymentStatus


class _View(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Failure(_View):
    """Why a payment failed; `retryable`: another attempt, as another payment, may succeed."""

    code: str
    message: str
    retryable: bool


class PaymentTransition(_View):
    """A change a client could see; `version` is the revision of its event."""

    version: int
    status: PaymentStatus
    at: datetime
    detail: str | None = None


class PaymentView(_View):
    """A payment as of `version`, the revision of the last event folded in. Amounts are in minor units.

    `changed` is the version of the last change a client can see and `previous` that of the one before it.
    """

    id: str
    merchant_id: str
    status: PaymentStatus
    version: int
    changed: int
    previous: int | None
    amount: int
    currency: str
    refunded: int
    method: str
    provider: str
    capture: CaptureMode
    order_id: str | None
    description: str | None
    action: RedirectAction | QrAction | CardAuthenticationAction | None = Field(discriminator="kind")
    failure: Failure | None
    history: tuple[PaymentTransition, ...]
    initiated_at: datetime
    updated_at: datetime
    expires_at: datetime | None
    metadata: dict[str, JsonValue]


class OrderTransition(_View):
    """A change a client could see; `version` is the revision of its event."""

    version: int
    status: OrderStatus
    at: datetime


class OrderAttempt(_View):
    """One payment of an order, and what became of it."""

    payment_id: str
    status: AttemptStatus


class OrderView(_View):
    """An order as of `version`; see `PaymentView`."""

    id: str
    merchant_id: str
    status: OrderStatus
    version: int
    changed: int
    previous: int | None
    total: int
    currency: str
    items: tuple[OrderItem, ...]
    description: str | None = None
    metadata: dict[str, JsonValue] = {}
    payment_id: str | None
    attempts: tuple[OrderAttempt, ...] = ()
    reason: str | None
    history: tuple[OrderTransition, ...]
    placed_at: datetime
    updated_at: datetime
    expires_at: datetime | None = None


class MessageView(_View):
    """A message to a target outside; `version` is that of the payment or order it tells of."""

    message_id: str
    version: int
    type: str
    status: DeliveryStatus
    attempts: int
    last_answer: str | None
    occurred_at: datetime
    owed_at: datetime
    next_attempt_at: datetime | None
    delivered_at: datetime | None


class DeliveriesView(_View):
    """All messages about one payment or order to one target, as of `version`, the revision of the last event."""

    channel: str
    target_id: str
    merchant_id: str
    subject_kind: SubjectKind
    subject: str
    version: int
    messages: tuple[MessageView, ...]


View = PaymentView | OrderView


@dataclass(frozen=True, eq=False)
class Update:
    """One value of a subscription: the view as of `version`, which follows `previous`.

    `shown` is the view or its JSON. Each is made of the other when somebody asks for it: of a whole history most
    updates are nobody's news.
    """

    previous: int | None
    version: int
    final: bool
    shown: View | bytes

    def encode(self) -> bytes:
        """The message on the channel: a line of numbers, then the view's JSON, so a reader need not parse the view."""
        previous = "" if self.previous is None else str(self.previous)
        return f"{previous},{self.version},{int(self.final)}\n".encode() + self.json

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Update) and self.encode() == other.encode()

    def __hash__(self) -> int:
        return hash(self.encode())

    @property
    def size(self) -> int:
        """Bytes to hold for it."""
        return len(self.json)

    @classmethod
    def decode(cls, message: bytes) -> "Update":
        """The inverse of `encode`; raises `ValueError` for anything else."""
        head, separator, view = message.partition(b"\n")
        previous, version, final = head.decode("ascii").split(",")
        if not separator or final not in ("0", "1"):
            raise ValueError("not an update")
        return cls(int(previous) if previous else None, int(version), final == "1", view)

    @cached_property
    def json(self) -> bytes:
        """The view as it is published."""
        return self.shown if isinstance(self.shown, bytes) else self.shown.model_dump_json().encode()

    @cached_property
    def payment(self) -> PaymentView:
        """The view, parsed at most once however many watch it."""
        return self.shown if isinstance(self.shown, PaymentView) else PaymentView.model_validate_json(self.json)

    @cached_property
    def order(self) -> OrderView:
        """The view, parsed at most once however many watch it."""
        return self.shown if isinstance(self.shown, OrderView) else OrderView.model_validate_json(self.json)


def update_of(view: View) -> Update:
    """The last update a view contains: the view as of its last visible change."""
    as_of_change = view if view.version == view.changed else view.model_copy(update={"version": view.changed})
    return Update(view.previous, view.changed, view.status.final, as_of_change)
