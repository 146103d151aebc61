"""`graphql-transport-ws` [enisdenjo/graphql-ws, PROTOCOL.md].

Its text says what a server "will" do and seldom MUST: what it states is a MUST here, what the reference server does
beyond the text a SHOULD.
"""

from app.audit.websocket import connection, handshake, malformed, operations, streams
from app.audit.websocket.suite import SUITE

__all__ = ["SUITE", "connection", "handshake", "malformed", "operations", "streams"]
