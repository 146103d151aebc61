"""Where the rules of `graphql-transport-ws` are registered, and what their checks share."""

from app.audit.model import NotMet, Protocol
from app.audit.rules import Suite
from app.audit.wire import Message, Wire

SUITE = Suite(Protocol.WEBSOCKET, "ws")


async def check_closed(wire: Wire, code: int) -> str:
    """Wait for the server to end the socket with this code."""
    closing = await wire.closing()
    if closing.code != code:
        raise NotMet(f"{closing}, not {code}")
    return str(closing)


def check_ends_with(messages: list[Message], kind: str) -> Message:
    """The last message of an operation, which has to be of this type."""
    if messages[-1]["type"] != kind:
        raise NotMet(f"{messages[-1]['type']} instead of {kind}")
    return messages[-1]


def check_nothing_of(operation_id: str, messages: list[Message]) -> None:
    """No message of an operation may be among these."""
    for message in messages:
        if message.get("id") == operation_id:
            raise NotMet(f"{message['type']} for an operation that has ended")
