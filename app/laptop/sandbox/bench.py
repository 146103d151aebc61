"""What every simulated provider stands on, and what it is: some addresses, and how a paygate is pointed at them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from starlette.routing import Route

from app.laptop.sandbox.faults import Faults
from app.laptop.sandbox.ledger import Ledger
from app.laptop.sandbox.outbox import Outbox


@dataclass(frozen=True, slots=True)
class Bench:
    """Shared by all: one ledger, one clock, one outbox.

    `public_url` is where the sandbox is reached, without a slash at its end; `notices_url` is where a merchant's
    gateway takes notices (`…/webhooks`), for providers that have it registered rather than told with each payment.
    """

    ledger: Ledger
    faults: Faults
    outbox: Outbox
    clock: Callable[[], datetime]
    public_url: str
    notices_url: str


@dataclass(frozen=True, slots=True)
class Simulator:
    """One provider; its addresses all begin with `/{name}/`."""

    name: str
    routes: Sequence[Route]


Make = Callable[[Bench], Simulator]
Environment = Callable[[str], Mapping[str, str]]
"""From the address of the sandbox to the `PAYGATE_…` variables that point a paygate at the simulator in it."""
