"""What Stripe needs to be told about us, and we about Stripe."""

from typing import Annotated

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings

from app.settings import settings_config

API_VERSION = "2026-10-28.endive"
"""The version of the API that `requests` writes and `translate` reads; others name some fields otherwise."""


class StripeSettings(BaseSettings):
    """Field `x` is the variable `PAYGATE_STRIPE_X`."""

    model_config = settings_config("PAYGATE_STRIPE_")

    url: str = Field(
        "https://api.stripe.com", pattern=r"^https?://[^\s?#]*[^\s?#/]$", description="where Stripe's API is reached"
    )
    secret_key: SecretStr = Field(min_length=1, description="secret or restricted key of the account (`sk_…`, `rk_…`)")
    webhook_secrets: list[Annotated[SecretStr, Field(min_length=1)]] = Field(
        min_length=1,
        description='JSON list of the webhook\'s signing secrets, two while one is being rolled: ["whsec_…"]',
    )
    account: str | None = Field(
        None,
        pattern=r"^acct_[0-9A-Za-z]+$",
        description="the connected account that is charged for, and whose events are ours; when not set, our own",
    )
    visibility_seconds: float = Field(
        60.0, ge=0, le=3600, description="seconds after a call at which Stripe's search finds what it made"
    )

    @property
    def live(self) -> bool | None:
        """Whether the key moves real money; None when it does not tell."""
        key = self.secret_key.get_secret_value()
        return {"live": True, "test": False}.get(key.split("_")[1] if "_" in key else "")
