"""What VNPay needs to be told about us, and we about VNPay."""

from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings

from app.settings import settings_config

_ADDRESS = r"^https?://[^\s?#/]+/[^\s?#]*[^\s?#/]$"


class VNPaySettings(BaseSettings):
    """Field `x` is the variable `PAYGATE_VNPAY_X`. Addresses come with the contract, so none is a default."""

    model_config = settings_config("PAYGATE_VNPAY_")

    pay_url: str = Field(pattern=_ADDRESS, description="VNPay's page for customers (…/vpcpay.html)")
    api_url: str = Field(pattern=_ADDRESS, description="where VNPay is queried (…/merchant_webapi/api/transaction)")
    tmn_code: str = Field(pattern=r"^[A-Za-z0-9]{8}$", description="terminal code, eight characters")
    hash_secret: SecretStr = Field(min_length=1, description="secret that both sides sign with (HMAC-SHA512)")
    ip_address: str = Field(
        "127.0.0.1", pattern=r"^[0-9A-Fa-f.:]{7,45}$", description="address VNPay is given for the customer and for us"
    )
    locale: Literal["vn", "en"] = Field("vn", description="language of VNPay's page")
    order_type: str = Field("other", pattern=r"^[a-z0-9]{1,100}$", description="category of goods, as VNPay lists them")
