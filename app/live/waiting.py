"""What waits in a mailbox: everything, or the latest of each payment."""

from collections import OrderedDict, deque
from typing import Generic, Protocol, TypeVar

from app.domain.payment.model import PaymentStatus
from app.live.position import Numbered
from projections.merchant_feed import FeedEntry

KEPT = frozenset(
    {
        PaymentStatus.AUTHORIZED,
        PaymentStatus.SUCCEEDED,
        PaymentStatus.FAILED,
        PaymentStatus.CANCELLED,
        PaymentStatus.EXPIRED,
        PaymentStatus.PARTIALLY_REFUNDED,
        PaymentStatus.REFUNDED,
    }
)
"""Where money has moved or will no more: never merged into what comes after."""


class Sized(Numbered, Protocol):
    """An update that takes room."""

    @property
    def size(self) -> int:
        """Bytes to hold for it."""
        ...


Item = TypeVar("Item", bound=Sized)


class Waiting(Protocol[Item]):
    """Updates in order, and how many bytes they take."""

    bytes: int

    def put(self, item: Item) -> None:
        """Add what comes after all that is here."""
        ...

    def pop(self) -> Item:
        """Take out the first."""
        ...

    def __len__(self) -> int: ...


class Everything(Generic[Item]):
    """Each update by itself."""

    def __init__(self) -> None:
        self.bytes = 0
        self._items: deque[Item] = deque()

    def put(self, item: Item) -> None:
        """Add what comes after all that is here."""
        self._items.append(item)
        self.bytes += item.size

    def pop(self) -> Item:
        """Take out the first."""
        item = self._items.popleft()
        self.bytes -= item.size
        return item

    def __len__(self) -> int:
        return len(self._items)


class LatestPerPayment:
    """An update takes in the one before it of the same payment, unless that is one to keep.

    It waits at its own place, not at that of the other: so places rise from one value to the next, and whoever resumes
    after any of them misses nothing but what a later value stands for.
    """

    def __init__(self) -> None:
        self.bytes = 0
        self._entries: OrderedDict[int, FeedEntry] = OrderedDict()
        self._mergeable: dict[str, int] = {}

    def put(self, item: FeedEntry) -> None:
        """Add what comes after all that is here."""
        earlier = self._mergeable.pop(item.payment_id, None)
        if earlier is not None:
            absorbed = self._entries.pop(earlier)
            self.bytes -= absorbed.size
            item = item.absorbing(absorbed)
        self._entries[item.place] = item
        self.bytes += item.size
        if item.update.payment.status not in KEPT:
            self._mergeable[item.payment_id] = item.place

    def pop(self) -> FeedEntry:
        """Take out the first."""
        place, entry = self._entries.popitem(last=False)
        self.bytes -= entry.size
        if self._mergeable.get(entry.payment_id) == place:
            del self._mergeable[entry.payment_id]
        return entry

    def __len__(self) -> int:
        return len(self._entries)
