"""What can have happened to the contacts of one payment or order. Stored for ever: see `app.domain.payment.events`.

An address is personal data: it is stored sealed, and nothing else here tells anything of it.
"""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

Locale = Literal["en", "vi"]


class _Stored(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class EmailAdded(_Stored):
    """Tell somebody by mail of every update after version `since`; `fingerprint` tells this wish from another one."""

    contact_id: str
    sealed_address: str
    fingerprint: str
    locale: Locale
    since: int = -1
    at: datetime


class PushSubscriptionAdded(_Stored):
    """The same to a browser, by its push service: the sealed address is the subscription with its keys, as JSON."""

    contact_id: str
    sealed_address: str
    fingerprint: str
    locale: Locale
    since: int = -1
    at: datetime


class ContactRemoved(_Stored):
    """Somebody is not to be told any more.

    `asked`: they do not want it. `gone`: there is nobody any more, and `detail` is how that was said. `refused`: so was
    the request that named them.
    """

    contact_id: str
    reason: Literal["asked", "gone", "refused"]
    detail: str | None = None
    at: datetime


ContactAdded = EmailAdded | PushSubscriptionAdded
ContactEvent = EmailAdded | PushSubscriptionAdded | ContactRemoved
