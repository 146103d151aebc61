"""How many live connections each caller holds in this process, and how many sockets belong to nobody yet."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from app.access.model import Caller, Principal, Watcher
from app.transports.ends import End


@dataclass
class Places:
    """How many there are at most; 0 stands for any number."""

    per_caller: int = 0
    """For one API key or subject of a token."""
    per_client_secret: int = 0
    unidentified: int = 0
    """Sockets that have not said who they are."""
    _held: Counter[Principal] = field(default_factory=Counter)
    _waiting: int = 0

    def refusal_of(self, caller: Caller) -> End | None:
        """Why this caller gets no further connection now; None when it gets one."""
        most = self.per_client_secret if isinstance(caller, Watcher) else self.per_caller
        return End.CALLER_CONNECTIONS if most and self._held[caller.principal] >= most else None

    @property
    def refusal_of_strangers(self) -> End | None:
        """Why no further socket is opened before the others have said who they are; None when one is."""
        return End.UNIDENTIFIED_CONNECTIONS if self.unidentified and self._waiting >= self.unidentified else None

    @contextmanager
    def held(self, caller: Caller) -> Iterator[None]:
        """The caller holds one more for as long as the block."""
        principal = caller.principal
        self._held[principal] += 1
        try:
            yield
        finally:
            self._held[principal] -= 1
            if not self._held[principal]:
                del self._held[principal]

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """A socket is open whose caller is not known, for as long as the block."""
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1
