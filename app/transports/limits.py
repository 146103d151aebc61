"""How much one socket may ask for."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ProtocolLimits:
    """What a socket's protocol enforces; times in seconds."""

    init_seconds: float = 3.0
    """From the opened socket to the acknowledgement, authentication included."""
    ping_seconds: float = 12.0
    """Between the server's pings."""
    pong_seconds: float = 12.0
    """How much longer than `ping_seconds` a peer may be silent."""
    operations: int = 100
    """Operations at a time."""
    id_characters: int = 128
    message_bytes: int = 64 * 1024
    messages_per_second: float = 20.0
    message_burst: int = 120
    """Messages that may come at once."""


class TokenBucket:
    """Lets `burst` through at once and `rate` a second in the long run."""

    __slots__ = ("_burst", "_filled_at", "_rate", "_tokens")

    def __init__(self, rate: float, burst: int, now: float) -> None:
        self._rate = rate
        self._burst = float(burst)
        self._tokens = self._burst
        self._filled_at = now

    def take(self, now: float) -> bool:
        """Whether one more may pass."""
        # A clock that seems to step back must not take tokens away.
        elapsed = max(0.0, now - self._filled_at)
        self._filled_at = max(now, self._filled_at)
        self._tokens = min(self._burst, self._tokens + elapsed * self._rate)
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True
