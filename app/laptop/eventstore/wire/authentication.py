"""Basic authentication, when users are configured."""

import base64
import hmac
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import grpc

_OPEN: Final = (
    "/event_store.client.gossip.Gossip/",
    "/event_store.client.server_features.ServerFeatures/",
    "/grpc.health.v1.Health/",
)
"""What a client asks before it says who it is."""


class BasicAuthentication(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]  # generic in the stubs only
    """Refuses calls without the right user and password."""

    def __init__(self, users: Mapping[str, str]) -> None:
        self._accepted = [_header(user, password) for user, password in users.items()]

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        """Let the call through, or answer UNAUTHENTICATED in its place."""
        if handler_call_details.method.startswith(_OPEN) or self._is_known(handler_call_details):
            return await continuation(handler_call_details)
        return grpc.stream_stream_rpc_method_handler(_refuse)

    def _is_known(self, details: grpc.HandlerCallDetails) -> bool:
        for key, value in details.invocation_metadata or ():
            if key == "authorization":
                sent = value.encode() if isinstance(value, str) else value
                # Every user is compared, and each in constant time: how long it takes tells nothing.
                matches = [hmac.compare_digest(sent, header) for header in self._accepted]
                return any(matches)
        return False


def _header(user: str, password: str) -> bytes:
    return b"Basic " + base64.b64encode(f"{user}:{password}".encode())


async def _refuse(_: Any, context: grpc.aio.ServicerContext[Any, Any]) -> None:
    await context.abort(grpc.StatusCode.UNAUTHENTICATED, "Bad user name or password.")
