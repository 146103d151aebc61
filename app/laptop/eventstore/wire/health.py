"""gRPC health checking, for supervisors and load balancers: serving, or about to stop."""

import grpc

from app.laptop.eventstore.notices import Notices

from .status import Context

_SERVICE = "grpc.health.v1.Health"
_SERVING = b"\x08\x01"
_NOT_SERVING = b"\x08\x02"


class HealthService:
    """Answers Check; the messages have one field each, so they are written out here."""

    def __init__(self, notices: Notices) -> None:
        self._notices = notices

    async def check(self, request: bytes, context: Context) -> bytes:  # noqa: ARG002 - one answer for all services
        """Return the state of the server as a whole."""
        return _NOT_SERVING if self._notices.stopping else _SERVING


def add_health(server: grpc.aio.Server, service: HealthService) -> None:
    """Register the service."""
    handler = grpc.unary_unary_rpc_method_handler(service.check)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(_SERVICE, {"Check": handler}),))
