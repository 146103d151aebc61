"""What a socket's protocol wants done. Whoever does the I/O carries them out in order."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.transports.ends import End, close_reason
from app.transports.operations import OperationRequest


@dataclass(frozen=True, slots=True)
class Authenticate:
    """Find out who is calling, then say `acknowledged` or `refused`."""

    payload: Mapping[str, Any] = field(repr=False)
    """The client's payload, empty when it sent none. It holds a secret, so that it is not shown."""
    refresh: bool = False
    """A new token on a connection that is already acknowledged."""


@dataclass(frozen=True, slots=True)
class Start:
    """Execute; say `next`, and in the end `completed` or `failed`."""

    id: str
    request: OperationRequest


@dataclass(frozen=True, slots=True)
class Stop:
    """Give an operation up; nothing it still says may be handed in."""

    id: str


@dataclass(frozen=True, slots=True)
class Send:
    """A text frame, in UTF-8."""

    text: bytes


@dataclass(frozen=True, slots=True)
class Close:
    """Close the socket and give all its operations up; no effect follows."""

    end: End
    reason: str

    @property
    def code(self) -> int:
        """The WebSocket's close code."""
        return self.end.close_code

    @classmethod
    def because(cls, end: End, reason: str | None = None) -> "Close":
        """`reason` says it in more detail than the table; it is cut to fit the frame."""
        return cls(end, close_reason(reason or end.reason))


Effect = Authenticate | Start | Stop | Send | Close
