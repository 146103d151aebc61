"""What several processes are made of, each made the same way: clock, patience, secrets."""

from datetime import UTC, datetime, timedelta

from app.access.vault import Vault
from app.domain.payment.next_action import Policy
from app.settings import Settings, SettingsError

# A call is given up by the provider's client before the processor counts its outcome as unknown.
CALL_MARGIN_SECONDS = 2.0


def utc_now() -> datetime:
    """The clock of every process."""
    return datetime.now(UTC)


def policy_of(settings: Settings) -> Policy:
    """How patient the processor is; the projection, which lists what is due, has to agree with it."""
    return Policy(
        call_timeout=timedelta(seconds=settings.provider_timeout + CALL_MARGIN_SECONDS),
        customer_patience=timedelta(seconds=settings.action_seconds),
    )


def vault_of(settings: Settings) -> Vault:
    """What seals and signs; raises `SettingsError` when there is no secret key."""
    if settings.secret_key is None:
        raise SettingsError(f"PAYGATE_SECRET_KEY: required — {Settings.model_fields['secret_key'].description}")
    return Vault(settings.secret_key)
