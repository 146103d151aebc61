"""How ZaloPay signs, and what it takes: its own implementation, so that both sides are held to the protocol."""

import hashlib
import hmac
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, Json

APP_ID = 2000
KEY1 = "zalopay-sandbox-key1"
KEY2 = "zalopay-sandbox-key2"

_Transaction = Annotated[str, Field(max_length=40, pattern=r"^\d{6}_.+$")]
_RefundId = Annotated[str, Field(max_length=45, pattern=rf"^\d{{6}}_{APP_ID}_.+$")]


class Signed(BaseModel):
    """What every request has. Fields that are not known are let be, as ZaloPay does."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, hide_input_in_errors=True)

    app_id: int
    mac: str

    def signed(self) -> tuple[object, ...]:
        """What the mac is made over."""
        raise NotImplementedError


class Create(Signed):
    """`create`."""

    app_user: str = Field(min_length=1, max_length=50)
    app_trans_id: _Transaction
    app_time: int
    expire_duration_seconds: int = Field(900, ge=300, le=2_592_000)
    amount: int = Field(gt=0)
    item: str = Field(max_length=2048)
    embed_data: str = Field(max_length=1024)
    description: str = Field(max_length=256)
    bank_code: str = ""
    callback_url: str = Field("", pattern=r"^(https?://.*)?$")

    def signed(self) -> tuple[object, ...]:
        """What the mac is made over."""
        return (
            self.app_id, self.app_trans_id, self.app_user, self.amount, self.app_time, self.embed_data, self.item,
        )  # fmt: skip


class Query(Signed):
    """`query`."""

    app_trans_id: str

    def signed(self) -> tuple[object, ...]:
        """What the mac is made over."""
        return (self.app_id, self.app_trans_id, KEY1)


class Refund(Signed):
    """`refund`, without a fee."""

    m_refund_id: _RefundId
    zp_trans_id: int
    amount: int = Field(gt=0)
    timestamp: int
    description: str

    def signed(self) -> tuple[object, ...]:
        """What the mac is made over."""
        return (self.app_id, self.zp_trans_id, self.amount, self.description, self.timestamp)


class QueryRefund(Signed):
    """`query_refund`."""

    m_refund_id: str
    timestamp: int

    def signed(self) -> tuple[object, ...]:
        """What the mac is made over."""
        return (self.app_id, self.m_refund_id, self.timestamp)


class Embedded(BaseModel):
    """What `embed_data` says, as far as it is used here."""

    redirecturl: str = Field("", pattern=r"^(https?://.*)?$")


class Texts(BaseModel):
    """The two fields that are JSON in a text."""

    embed_data: Json[Embedded]
    item: Json[list[object]]


def mac(key: str, *fields: object) -> str:
    """ZaloPay's signature of some fields."""
    return hmac.new(key.encode(), "|".join(str(field) for field in fields).encode(), hashlib.sha256).hexdigest()


def is_signed(request: Signed) -> bool:
    """Whether a request is this application's and carries its mac."""
    return request.app_id == APP_ID and hmac.compare_digest(mac(KEY1, *request.signed()), request.mac)
