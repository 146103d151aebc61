"""How MoMo signs, and what it takes: its own implementation, so that both sides are held to the protocol."""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

PARTNER_CODE = "MOMOSANDBOX"
ACCESS_KEY = "momo-sandbox-access-key"
SECRET_KEY = "momo-sandbox-secret-key"  # noqa: S105 - invented, and nobody's

NOTICE_KEYS = (
    "accessKey", "amount", "extraData", "message", "orderId", "orderInfo", "orderType", "partnerCode", "payType",
    "requestId", "responseTime", "resultCode", "transId",
)  # fmt: skip

_RequestId = Annotated[str, Field(min_length=1, max_length=50)]
_OrderId = Annotated[str, Field(max_length=200, pattern=r"^[0-9a-zA-Z]([-_.]*[0-9a-zA-Z]+)*$")]
_Url = Annotated[str, Field(pattern=r"^https?://[!-~]+$", max_length=2048)]


class Signed(BaseModel):
    """What every request has. Fields that are not known are let be, as MoMo does."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, hide_input_in_errors=True)

    partnerCode: str = Field(max_length=50)  # noqa: N815 - MoMo's names
    requestId: _RequestId  # noqa: N815
    orderId: _OrderId  # noqa: N815
    lang: Literal["vi", "en"]
    signature: str

    SIGNED: ClassVar[tuple[str, ...]] = ("orderId", "partnerCode", "requestId")
    """What is signed, beside the access key."""


class Create(Signed):
    """`create`."""

    amount: int
    orderInfo: str = Field(min_length=1, max_length=255)  # noqa: N815
    redirectUrl: _Url  # noqa: N815
    ipnUrl: str = Field(pattern=r"^https?://[!->@-~]+$")  # noqa: N815 - without a query
    requestType: Literal["captureWallet"]  # noqa: N815
    extraData: str  # noqa: N815
    autoCapture: bool = True  # noqa: N815

    SIGNED = (
            "amount", "extraData", "ipnUrl", "orderId", "orderInfo", "partnerCode", "redirectUrl", "requestId",
            "requestType",
        )  # fmt: skip


class Confirm(Signed):
    """`confirm`."""

    requestType: Literal["capture", "cancel"]  # noqa: N815
    amount: int
    description: str = ""

    SIGNED = ("amount", "description", "orderId", "partnerCode", "requestId", "requestType")


class Refund(Signed):
    """`refund`."""

    amount: int
    transId: int  # noqa: N815
    description: str = ""

    SIGNED = ("amount", "description", "orderId", "partnerCode", "requestId", "transId")


def signature(values: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    """MoMo's signature of some values."""
    pairs = sorted({**{key: values[key] for key in keys if key != "accessKey"}, "accessKey": ACCESS_KEY}.items())
    text = "&".join(f"{key}={value}" for key, value in pairs)
    return hmac.new(SECRET_KEY.encode(), text.encode(), hashlib.sha256).hexdigest()


def is_signed(request: Signed) -> bool:
    """Whether a request carries its signature."""
    return hmac.compare_digest(signature(request.model_dump(), request.SIGNED), request.signature)
