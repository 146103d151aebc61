"""Every way the server ends a connection or an operation: one table for transports, metrics and documents.

A close code is chosen by what the reference client (graphql-ws 6) does with it. It never comes back after 4400, 4401,
4406, 4409, 4429, 4500 and most of 1000 to 1999; it does after 1012, 1013, 4403, 4408 and a socket that just dies. So
whatever time or a fresh token heals has a code of the second kind, and what would only happen again one of the first.
"""

from enum import Enum

from app.transports.operations import encode_json

MOST_REASON_BYTES = 123
"""RFC 6455 §5.5: a control frame carries 125 bytes, and two of them are the close code."""


class End(Enum):
    """Why it ended; `label` names it in metrics."""

    # The protocol's own (graphql-transport-ws, PROTOCOL.md).
    BAD_REQUEST = (4400, "Malformed message", "MALFORMED_MESSAGE", False)
    UNAUTHORIZED = (4401, "Unauthorized", "UNAUTHENTICATED", False)
    FORBIDDEN = (4403, "Forbidden", "FORBIDDEN", True)
    SUBPROTOCOL = (4406, "Subprotocol not acceptable", "SUBPROTOCOL_NOT_ACCEPTABLE", False)
    INIT_TIMEOUT = (4408, "Connection initialisation timeout", "INIT_TIMEOUT", True)
    DUPLICATE_ID = (4409, "Subscriber for this id already exists", "DUPLICATE_ID", False)
    TOO_MANY_INITS = (4429, "Too many initialisation requests", "TOO_MANY_INITS", False)

    # 4403 like a refused init: the reference client comes back and asks its owner for a fresh token.
    EXPIRED = (4403, "Token expired", "TOKEN_EXPIRED", True)
    REVOKED = (4403, "Access revoked", "ACCESS_REVOKED", True)

    # HTTP's 408 in the private range, as for a late init; the peer may only have been asleep.
    PEER_SILENT = (4408, "No sign of life", "PEER_SILENT", True)

    # HTTP's 429 in the private range. A client that floods would flood again.
    RATE_LIMITED = (4429, "Too many messages", "RATE_LIMITED", False)
    SUBSCRIPTION_LIMIT = (4429, "Too many operations on this connection", "SUBSCRIPTION_LIMIT", False)
    TOO_LARGE = (1009, "Message too big", "TOO_LARGE", False)

    # 1013, try again later: nothing is wrong with the client, and from its position it misses nothing.
    SLOW_CONSUMER = (1013, "Reader too slow: come back and resume", "SLOW_CONSUMER", True)
    OVERLOADED = (1013, "Overloaded: come back later", "OVERLOADED", True)
    CONNECTION_LIMIT = (1013, "Too many connections", "CONNECTION_LIMIT", True)
    CALLER_CONNECTIONS = (1013, "Too many connections of one caller", "CALLER_CONNECTION_LIMIT", True)
    UNIDENTIFIED_CONNECTIONS = (1013, "Too many connections of nobody yet", "UNIDENTIFIED_CONNECTION_LIMIT", True)
    UNAVAILABLE = (1013, "Temporarily unavailable: come back and resume", "UNAVAILABLE", True)

    # 1012, service restart: another node takes over from the client's position.
    DRAIN = (1012, "Server restarts: come back and resume", "RECONNECT", True)
    LIFETIME_REACHED = (1012, "Connection lifetime reached: come back and resume", "RECONNECT", True)

    # 4500 and not 1011, which means the same: it is the code graphql-ws clients know. A client does not come back by
    # itself after either, rightly: what is our fault would most likely befall it again. What heals is UNAVAILABLE.
    INTERNAL = (4500, "Internal server error", "INTERNAL", False)

    CLIENT_LEFT = (1000, "Normal closure", "CLIENT_LEFT", False)

    def __init__(self, close_code: int, reason: str, error_code: str, retryable: bool) -> None:
        self.close_code = close_code
        """What the WebSocket is closed with."""
        self.reason = reason
        """The close's reason, and the error's message where a transport has no close."""
        self.error_code = error_code
        """`extensions.code` of the error."""
        self.retryable = retryable
        """Whether a client should come back by itself, as the reference client then does."""

    @property
    def label(self) -> str:
        """The end's name in metrics."""
        return self.name.lower()

    @property
    def tells_operations(self) -> bool:
        """Whether each operation is given an `error` before the close.

        An `error` ends an operation for good. Where a client may simply come back and resume it must not be sent: the
        reference client would otherwise not subscribe again.
        """
        return self in (End.EXPIRED, End.REVOKED)

    def errors(self, message: str | None = None, **extensions: object) -> bytes:
        """The list of GraphQL errors that tells an operation of this end, as JSON."""
        told = {"code": self.error_code, "retryable": self.retryable, **extensions}
        return encode_json([{"message": message or self.reason, "extensions": told}])


def close_reason(text: str) -> str:
    """`text` cut to what a close frame holds, between characters."""
    encoded = text.encode("utf-8", "replace")
    if len(encoded) <= MOST_REASON_BYTES:
        return encoded.decode("utf-8")
    ellipsis = "…"
    room = MOST_REASON_BYTES - len(ellipsis.encode("utf-8"))
    return encoded[:room].decode("utf-8", "ignore") + ellipsis
