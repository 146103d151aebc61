"""How much a client may ask for at once."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """The settings by which the real server bounds a write, with its defaults."""

    max_append_size: int = 1_048_576
    """Bytes of all events of one append."""
    max_append_event_size: int | None = None
    """Bytes of one event; None for no bound of its own."""
    write_timeout: float = 2.0
    """Seconds after which a write that is not done is answered as timed out; it may still happen."""
