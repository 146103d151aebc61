"""ServerFeatures: what this server can do, by which clients choose their ways.

The client library ships no stubs for this service, so the few fields are encoded here.
"""

from typing import Final

import grpc

from .responses import delimited
from .status import Context

SERVER_VERSION: Final = "24.10.4"
"""The version this server behaves like; clients parse three numbers."""

_SERVICE: Final = "event_store.client.server_features.ServerFeatures"
_STREAMS: Final = "event_store.client.streams.streams"
_PERSISTENT: Final = "event_store.client.persistent_subscriptions.persistentsubscriptions"
_PROJECTIONS: Final = "event_store.client.projections.projections"

_METHODS: Final[tuple[tuple[str, str, tuple[str, ...]], ...]] = (
    (_STREAMS, "read", ("position", "events")),
    (_STREAMS, "append", ()),
    (_STREAMS, "batchappend", ("deadline_duration",)),
    (_STREAMS, "delete", ()),
    (_STREAMS, "tombstone", ()),
    (_PERSISTENT, "create", ("stream", "all")),
    (_PERSISTENT, "update", ("stream", "all")),
    (_PERSISTENT, "delete", ("stream", "all")),
    (_PERSISTENT, "read", ("stream", "all")),
    (_PERSISTENT, "getinfo", ("stream", "all")),
    (_PERSISTENT, "replayparked", ("stream", "all")),
    (_PERSISTENT, "list", ("stream", "all")),
    (_PERSISTENT, "restartsubsystem", ()),
    (_PROJECTIONS, "create", ("track_emitted_streams",)),
    (_PROJECTIONS, "update", ()),
    (_PROJECTIONS, "delete", ()),
    (_PROJECTIONS, "statistics", ()),
    (_PROJECTIONS, "disable", ()),
    (_PROJECTIONS, "enable", ()),
    (_PROJECTIONS, "reset", ()),
    (_PROJECTIONS, "state", ()),
    (_PROJECTIONS, "result", ()),
    (_PROJECTIONS, "restartsubsystem", ()),
    ("event_store.client.gossip.gossip", "read", ()),
    (_SERVICE.lower(), "getsupportedmethods", ()),
)


def _encode() -> bytes:
    encoded = b""
    for service, method, features in _METHODS:
        fields = delimited(b"\x0a", method.encode()) + delimited(b"\x12", service.encode())
        fields += b"".join(delimited(b"\x1a", feature.encode()) for feature in features)
        encoded += delimited(b"\x0a", fields)
    return encoded + delimited(b"\x12", SERVER_VERSION.encode())


async def _get_supported_methods(request: bytes, context: Context) -> bytes:  # noqa: ARG001 - the handler's shape
    return _encode()


def add_features(server: grpc.aio.Server) -> None:
    """Register the service."""
    handler = grpc.unary_unary_rpc_method_handler(_get_supported_methods)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(_SERVICE, {"GetSupportedMethods": handler}),))
