"""API keys and whose they are. Kept as digests only."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field

from app.access.model import Means, MerchantCaller, Principal, key_id_of
from app.domain.ids import MerchantId


@dataclass(frozen=True, slots=True)
class _Known:
    digest: bytes = field(repr=False)
    caller: MerchantCaller | None


_NONE = _Known(bytes(32), None)


class ApiKeys:
    """Found by the key's id, which is no secret; recognised by its digest, in constant time."""

    def __init__(self, merchants_by_key: Mapping[str, str]) -> None:
        self._known = {
            key_id_of(key): _Known(_digest(key), _caller(key, whose)) for key, whose in merchants_by_key.items()
        }

    def caller(self, key: str) -> MerchantCaller | None:
        """Who may act with this key."""
        known = self._known.get(key_id_of(key), _NONE)
        return known.caller if hmac.compare_digest(known.digest, _digest(key)) else None


def _caller(key: str, merchant: str) -> MerchantCaller:
    key_id = key_id_of(key)
    return MerchantCaller(MerchantId(merchant), Principal(Means.API_KEY, key_id), key_id=key_id)


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
