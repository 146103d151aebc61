"""What every story has at hand, and what all of them leave behind."""

from collections.abc import Awaitable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from benchmarks.mixed.customer import Customer
from benchmarks.mixed.merchant import Kind, Merchant
from benchmarks.mixed.ways import Way

PATIENCE_SECONDS = 120.0
"""How long a story waits for what it needs to go on; then it ends where it is, and the payment goes on without it."""


@dataclass(frozen=True)
class Begun:
    """A payment or an order, and the story it is of."""

    kind: Kind
    entity_id: str
    provider: str
    story: str
    again: bool = False
    """Whether it is another payment for an order that was begun before."""


@dataclass
class Floor:
    """The shop: its server, its customers, and what was begun."""

    merchant: Merchant
    customer: Customer
    expiry: int
    """Seconds after which what a customer leaves alone runs out."""
    begun: list[Begun] = field(default_factory=list)
    impatient: list[str] = field(default_factory=list)
    """Where a story has waited for too long."""


@dataclass
class Stage:
    """One story's place on the floor."""

    floor: Floor
    name: str
    way: Way
    chance: Random

    @property
    def merchant(self) -> Merchant:
        return self.floor.merchant

    async def begin(self, wish: str = "approve", **given: Any) -> dict[str, Any]:
        """Begin a payment whose customer will do as `wish` says."""
        terms = {"amount": self.way.price(self.chance), "currency": self.way.currency, **given}
        method = self.way.method(wish, self.chance)
        payment = await self.merchant.initiate(idempotencyKey=self.key(), method=method, **terms)
        again = "orderId" in given
        self.floor.begun.append(Begun("payment", payment["id"], self.way.provider, self.name, again=again))
        return {**payment, "amount": terms["amount"]}

    async def act(self, payment: dict[str, Any], wish: str = "approve") -> None:
        """Have the customer do as `wish` says, if anything is asked of them."""
        action = payment["action"] or await self._action_of(payment["id"])
        if action is None:
            return
        if action["__typename"] == "QrAction":
            await self.floor.customer.transfers(action, payment["amount"], self.chance)
        else:
            await self.floor.customer.decides(wish, action, self.chance)

    async def transfer(self, payment: dict[str, Any], amount: int) -> None:
        """Have the customer transfer so many đồng."""
        action = payment["action"] or await self._action_of(payment["id"])
        if action is not None:
            await self.floor.customer.transfers(action, amount, self.chance)

    async def reaches(self, payment_id: str, status: str) -> bool:
        """Wait until the payment has a status; False when it ends otherwise."""
        found = await self._wait(payment_id, lambda document: bool(document["status"] == status))
        return found is not None and found["status"] == status

    async def ends(self, payment_id: str) -> str | None:
        """Wait for the payment's final status."""
        found = await self._wait(payment_id, lambda _: False)
        return None if found is None else found["status"]

    async def order_ends(self, order_id: str) -> str | None:
        """Wait for the order's final status."""
        found = await self.merchant.status("order", order_id, lambda _: False, seconds=PATIENCE_SECONDS)
        if found is None:
            self.floor.impatient.append(order_id)
        return None if found is None else found["status"]

    def key(self) -> str:
        """An idempotency key of its own."""
        return f"mixed-{self.chance.getrandbits(64):016x}"

    async def _action_of(self, payment_id: str) -> dict[str, Any] | None:
        """What is asked of the customer, where the answer to the mutation came too soon to say it."""
        found = await self._wait(payment_id, lambda document: document["action"] or document["status"] == "AUTHORIZED")
        if found is None or found["action"] is None:
            return None
        names = {"redirect": "RedirectAction", "qr": "QrAction", "card_authentication": "CardAuthenticationAction"}
        return {**found["action"], "__typename": names[found["action"]["kind"]]}

    async def _wait(self, payment_id: str, reached: Any) -> dict[str, Any] | None:
        found = await self.merchant.status("payment", payment_id, reached, seconds=PATIENCE_SECONDS)
        if found is None:
            self.floor.impatient.append(payment_id)
        return found


Later = Awaitable[None] | None
"""What is left of a story that needs no place in the crowd: it waits for a deadline, mostly."""
