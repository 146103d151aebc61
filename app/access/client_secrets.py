"""Client secrets: what lets a browser watch one payment."""

import hmac
import re

from app.access.vault import Vault
from app.domain.ids import PaymentId

# The last part has a fixed length, so that there is one way to read it.
_SHAPE = re.compile(r"(?P<payment_id>[A-Za-z0-9_-]{1,64})_secret_[A-Za-z0-9_-]{43}")


def looks_like_client_secret(credential: str) -> bool:
    """Whether it has the shape; says nothing about whether it is one."""
    return _SHAPE.fullmatch(credential) is not None


def payment_id_in(vault: Vault, secret: str) -> PaymentId | None:
    """The payment that this client secret of ours is for; `None` when it is not of ours."""
    shape = _SHAPE.fullmatch(secret)
    if shape is None:
        return None
    payment_id = PaymentId(shape["payment_id"])
    genuine = vault.client_secret(payment_id)
    return payment_id if hmac.compare_digest(genuine.encode(), secret.encode()) else None
