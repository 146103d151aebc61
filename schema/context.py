"""What every resolver has at hand: the caller and the services, typed."""

from dataclasses import dataclass

from strawberry.types import Info as StrawberryInfo

from app.access.callers import Caller
from app.gateway.payments import PaymentCommands
from app.gateway.queries import PaymentQueries
from app.live.hub import Hub


@dataclass(frozen=True)
class Services:
    """The services of one gateway process."""

    commands: PaymentCommands
    queries: PaymentQueries
    hub: Hub
    wait_timeout_ms: int


@dataclass
class Context:
    """One request."""

    caller: Caller
    services: Services


Info = StrawberryInfo[Context, None]
