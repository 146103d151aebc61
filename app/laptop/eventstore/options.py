"""How the server is started."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .limits import Limits
from .storage.schema import Durability


@dataclass(frozen=True, slots=True)
class EventStoreOptions:
    """Everything that can be chosen about a server."""

    data: Path
    """Folder of the database; made if it is not there. Not used with ``in_memory``."""
    host: str = "127.0.0.1"
    port: int = 2113
    """0 for any free port."""
    in_memory: bool = False
    """Keep nothing after the end of the process."""
    durability: Durability = "full"
    advertise_host: str | None = None
    """What gossip tells clients to connect to; None for what was bound."""
    advertise_port: int | None = None
    projection_lag_ms: int = 0
    """How long the entries of system projections (``$ce-…``) come after their events. The real server's always
    come later; 0 writes them together with the event."""
    certificate: Path | None = None
    """PEM file with the server's certificate chain; with ``key``, clients connect by TLS."""
    key: Path | None = None
    """PEM file with the certificate's private key."""
    users: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Passwords by user. With none, everybody may do everything, as on an insecure node."""
    limits: Limits = field(default_factory=Limits)
    stop_grace: float = 2.0
    """Seconds that calls at hand have to end once the server is told to stop."""
