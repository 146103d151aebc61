"""What PayPal needs to be told about us, and we about PayPal."""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import BaseSettings

from app.settings import settings_config

_ORIGIN = re.compile(r"https://[a-z0-9.-]+|http://(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?")


def _an_origin(text: str) -> str:
    if not _ORIGIN.fullmatch(text):
        raise ValueError("give https://HOST, without a port; http and a port are for this machine only")
    return text


class PayPalSettings(BaseSettings):
    """Field `x` is the variable `PAYGATE_PAYPAL_X`."""

    model_config = settings_config("PAYGATE_PAYPAL_")

    url: str = Field(
        "https://api-m.paypal.com", pattern=r"^https?://[^\s?#]*[^\s?#/]$", description="where PayPal's API is reached"
    )
    client_id: str = Field(min_length=1, description="client id of the REST application")
    client_secret: SecretStr = Field(min_length=1, description="secret of the REST application")
    webhook_id: str = Field(
        min_length=1, max_length=64, description="id of the webhook as PayPal shows it; part of what is signed"
    )
    certificate_origins: list[Annotated[str, AfterValidator(_an_origin)]] = Field(
        ["https://api.paypal.com", "https://api.sandbox.paypal.com"],
        description="JSON list of where webhooks' certificates may be fetched from",
    )
    certificate_authorities: str | None = Field(
        None,
        description="PEM text, or a file of it, that webhooks' certificates lead to; else the public authorities",
    )
    brand_name: str | None = Field(None, max_length=127, description="the shop's name on PayPal's page")
    payment_method_preference: Literal["UNRESTRICTED", "IMMEDIATE_PAYMENT_REQUIRED"] = Field(
        "UNRESTRICTED", description="`IMMEDIATE_PAYMENT_REQUIRED` takes no bank cheques, which are pending for days"
    )

    def authorities_pem(self) -> bytes | None:
        """The authorities' certificates, None for the public ones; raises `OSError` when the file cannot be read."""
        if self.certificate_authorities is None:
            return None
        if "-----BEGIN" in self.certificate_authorities:
            return self.certificate_authorities.encode()
        return Path(self.certificate_authorities).read_bytes()
