"""Client secrets: what lets a browser watch one payment or order."""

import hmac
import re

from app.access.vault import Vault
from app.domain.ids import OrderId, PaymentId

# The last part has a fixed length, so that there is one way to read it.
_SHAPE = re.compile(r"(?P<subject_id>[A-Za-z0-9_-]{1,64})_secret_[A-Za-z0-9_-]{43}")


def looks_like_client_secret(credential: str) -> bool:
    """Whether it has the shape; says nothing about whether it is one."""
    return _SHAPE.fullmatch(credential) is not None


def subject_in(vault: Vault, secret: str) -> PaymentId | OrderId | None:
    """The payment or order that this client secret of ours is for; `None` when it is not of ours."""
    shape = _SHAPE.fullmatch(secret)
    if shape is None:
        return None
    subject_id = PaymentId(shape["subject_id"])
    genuine = vault.client_secret(subject_id)
    return subject_id if hmac.compare_digest(genuine.encode(), secret.encode()) else None
