"""What MoMo needs to be told about us, and we about MoMo."""

from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings

from app.settings import settings_config


class MomoSettings(BaseSettings):
    """Field `x` is the variable `PAYGATE_MOMO_X`."""

    model_config = settings_config("PAYGATE_MOMO_")

    url: str = Field(
        "https://payment.momo.vn", pattern=r"^https?://[^\s?#]*[^\s?#/]$", description="where MoMo's API is reached"
    )
    partner_code: str = Field(min_length=1, max_length=50, description="the merchant's code at MoMo")
    access_key: str = Field(min_length=1, repr=False, description="access key, part of everything that is signed")
    secret_key: SecretStr = Field(min_length=1, description="secret key that signs both ways")
    lang: Literal["vi", "en"] = Field("vi", description="language of MoMo's page and messages")
    session_minutes: int = Field(
        100, ge=1, le=43_200, description="minutes a customer can pay after a payment was begun, as agreed with MoMo"
    )
    visibility_seconds: float = Field(
        60.0, gt=0, le=3600, description="seconds after a call for which MoMo may not know of it yet"
    )
