"""What changes of payments and orders are called outside, in webhooks and wherever somebody chooses among them."""

from app.domain.delivery.events import SubjectKind
from app.domain.order.model import OrderStatus
from app.domain.payment.model import PaymentStatus


def event_type(kind: SubjectKind, status: PaymentStatus | OrderStatus) -> str:
    """The type of the change that led to `status`: `paygate.payment.succeeded`."""
    return f"paygate.{kind}.{status.value.lower()}"


EVENT_TYPES = (
    *(event_type("payment", status) for status in PaymentStatus),
    *(event_type("order", status) for status in OrderStatus),
)
"""All there are."""
