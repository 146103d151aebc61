"""What every resolver has at hand: the caller and the services, typed."""

from dataclasses import dataclass

from strawberry.types import Info as StrawberryInfo

from app.access.model import Caller
from app.access.rates import Rates
from app.gateway.contacts import PushSubscriptions
from app.gateway.endpoints import EndpointCommands
from app.gateway.orders import OrderCommands
from app.gateway.payments import PaymentCommands
from app.gateway.queries import Queries
from app.live.hub import Hub
from schema.errors import api_error

_LONGEST_CURSOR = 200


@dataclass(frozen=True)
class Services:
    """The services of one gateway process."""

    commands: PaymentCommands
    orders: OrderCommands
    queries: Queries
    hub: Hub
    rates: Rates
    wait_timeout_ms: int
    endpoints: EndpointCommands
    push: PushSubscriptions


@dataclass
class Context:
    """One request, or one socket, whose caller may still have to say who it is."""

    services: Services
    identified: Caller | None
    resume_after: int | str | None = None
    """Where the transport says the client left off: newer than an `after` argument, which is repeated unchanged."""
    position: int | str | None = None
    """Set by a subscription with each value: where to resume after it."""

    @property
    def caller(self) -> Caller:
        """Who is asking; a GraphQL error when nobody has said so."""
        if self.identified is None:
            raise api_error("UNAUTHENTICATED", "send an API key: Authorization: Bearer …")
        return self.identified


def position_from(given: object) -> int | str | None:
    """A position as clients hand it back: a number, or a cursor. Raises `ValueError` for anything else."""
    match given:
        case None | "":
            return None
        case bool():
            raise ValueError("a position is a number or a cursor")
        case int():
            return given
        case str() if len(given) <= _LONGEST_CURSOR:
            return int(given) if given.removeprefix("-").isdecimal() else given
    raise ValueError("a position is a number or a cursor")


Info = StrawberryInfo[Context, None]
