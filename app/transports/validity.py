"""A live connection lasts no longer than the right to it: the token's expiry, the key's revocation."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime

from app.access.model import Caller
from app.access.revocation import Revocations
from app.transports.connections import Ending
from app.transports.ends import End


class Validity:
    """Watches over callers for as long as they are connected."""

    def __init__(self, revocations: Callable[[], Revocations], clock: Callable[[], datetime]) -> None:
        self._revocations = revocations
        self._clock = clock

    @contextmanager
    def watched(self, caller: Caller, end: Ending) -> Iterator[None]:
        """Call `end` when `caller`'s credential expires or is revoked while the block runs."""
        with ExitStack() as stack:
            if caller.key_id is not None:
                told = self._revocations().subscribe(caller.key_id, lambda: end(End.REVOKED))
                stack.enter_context(told)
            if caller.expires_at is not None:
                left = max(0.0, (caller.expires_at - self._clock()).total_seconds())
                timer = asyncio.get_running_loop().call_later(left, end, End.EXPIRED)
                stack.callback(timer.cancel)
            yield


def announcement(caller: Caller) -> dict[str, str] | None:
    """What `connection_ack` says of a credential that will expire."""
    return None if caller.expires_at is None else {"expiresAt": caller.expires_at.isoformat()}
