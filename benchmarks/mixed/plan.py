"""Which stories are played, by which ways, in which order: all of it from one seed."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from random import Random

from benchmarks.mixed import orders, payments
from benchmarks.mixed.floor import Later, Stage
from benchmarks.mixed.ways import WAYS, Way

Story = Callable[[Stage], Awaitable[Later]]


@dataclass(frozen=True)
class _Kind:
    story: Story
    weight: int
    possible: Callable[[Way], bool] = lambda _: True


@dataclass(frozen=True)
class Scene:
    """One story to be played; `chance` is its own."""

    story: Story
    way: Way
    chance: Random

    @property
    def name(self) -> str:
        return self.story.__name__.replace("_", " ")


def _pressing(button: str) -> Callable[[Way], bool]:
    return lambda way: button in way.presses


_KINDS = (
    _Kind(payments.paid, 24),
    _Kind(payments.declined, 6, _pressing("decline")),
    _Kind(payments.called_off, 3, _pressing("cancel")),
    _Kind(payments.too_late, 3, _pressing("expire")),
    _Kind(payments.abandoned, 4),
    _Kind(payments.paid_late, 2),
    _Kind(payments.cancelled, 4),
    _Kind(payments.refunded, 5, lambda way: way.refunds),
    _Kind(payments.partly_refunded, 4, lambda way: way.refunds),
    _Kind(payments.held_and_taken, 3, lambda way: way.holds),
    _Kind(payments.held_and_released, 2, lambda way: way.holds),
    _Kind(payments.held_and_left, 1, lambda way: way.holds),
    _Kind(payments.in_two_parts, 2, lambda way: way.transfers),
    _Kind(payments.underpaid, 1, lambda way: way.transfers),
    _Kind(payments.overpaid, 1, lambda way: way.transfers),
    _Kind(orders.ordered, 15),
    _Kind(orders.order_declined, 3, _pressing("decline")),
    _Kind(orders.second_attempt, 5, _pressing("decline")),
    _Kind(orders.order_cancelled, 8),
    _Kind(orders.order_abandoned, 2),
    _Kind(orders.order_paid_late, 2),
)


def scenes(count: int, seed: int) -> Iterator[Scene]:
    """So many, by chance; but the first are one of each kind and way, so that few are mixed too."""
    chance = Random(seed)
    first = list(_KINDS) + [_KINDS[0]] * len(WAYS)
    for number in range(count):
        kind = first[number] if number < len(first) else chance.choices(_KINDS, [each.weight for each in _KINDS])[0]
        ways = [way for way in WAYS if kind.possible(way)]
        turn = number - len(_KINDS)
        way = WAYS[turn] if 0 <= turn < len(WAYS) else chance.choice(ways)
        yield Scene(kind.story, way, Random(f"{seed}.{number}"))
