"""What ZaloPay needs to be told about us, and we about ZaloPay."""

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings

from app.settings import settings_config

SHORTEST_ORDER, LONGEST_ORDER = 300, 2_592_000
"""Seconds an order can be open at ZaloPay."""


class ZaloPaySettings(BaseSettings):
    """Field `x` is the variable `PAYGATE_ZALOPAY_X`."""

    model_config = settings_config("PAYGATE_ZALOPAY_")

    url: str = Field(
        "https://openapi.zalopay.vn/v2",
        pattern=r"^https?://[^\s?#]*[^\s?#/]$",
        description="where ZaloPay's API is reached",
    )
    app_id: int = Field(gt=0, lt=10**9, description="the application's number at ZaloPay")
    key1: SecretStr = Field(min_length=1, description="signs what is sent to ZaloPay")
    key2: SecretStr = Field(min_length=1, description="signs what ZaloPay sends")
    session_seconds: int = Field(
        900,
        ge=SHORTEST_ORDER,
        le=LONGEST_ORDER,
        description="seconds a customer has to pay when the payment has no deadline",
    )
    visibility_seconds: float = Field(
        60.0, gt=0, le=3600, description="seconds after a call for which ZaloPay may not know of it yet"
    )
