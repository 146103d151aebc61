"""The `PAYGATE_VIETQR_…` variables: our account, and the feeds that tell of what arrives in it."""

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings

from app.settings import settings_config


class VietQrSettings(BaseSettings):
    """Each feed is switched on by its key; without any, transfers are told of by nobody."""

    model_config = settings_config("PAYGATE_VIETQR_")

    bank: str = Field(pattern=r"^[0-9]{6}$", description="BIN of the bank customers transfer to: 970436 is Vietcombank")
    account: str = Field(pattern=r"^[0-9A-Za-z]{1,19}$", description="the account customers transfer to")
    watched_seconds: float = Field(
        24 * 3600.0,
        gt=0,
        le=90 * 86400,
        description="for how long after a payment was begun a feed that can be asked is asked for its transfer, "
        "although the payment has ended; what a feed tells by itself is taken in at any time",
    )
    sepay_secret: SecretStr | None = Field(None, description="take SePay's webhooks that are signed with this secret")
    sepay_api_key: SecretStr | None = Field(None, description="take SePay's webhooks that come with this API key")
    sepay_token: SecretStr | None = Field(None, description="ask SePay's API for transfers, with this token")
    sepay_url: str = Field("https://userapi.sepay.vn/v2", pattern=r"^https?://", description="where SePay is asked")
    casso_key: SecretStr | None = Field(None, description="take Casso's webhooks (version 2) signed with this key")
    casso_secure_token: SecretStr | None = Field(
        None, description="take Casso's webhooks of the older kind that come with this `secure-token`"
    )
    payos_checksum_key: SecretStr | None = Field(None, description="take payOS's webhooks signed with this key")
    payos_client_id: str | None = Field(
        None, description="have each payment's QR code made by payOS, and ask it for transfers, as this client"
    )
    payos_api_key: SecretStr | None = Field(None, description="the API key of that client")
    payos_url: str = Field("https://api-merchant.payos.vn", pattern=r"^https?://", description="where payOS is reached")

    @model_validator(mode="after")
    def _payos_is_whole(self) -> "VietQrSettings":
        if self.payos_client_id is None:
            return self
        for field in ("payos_api_key", "payos_checksum_key"):
            if getattr(self, field) is None:
                raise ValueError(f"{field}: required when PAYGATE_VIETQR_PAYOS_CLIENT_ID is set")
        return self
