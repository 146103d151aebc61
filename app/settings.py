"""Every `PAYGATE_…` variable, with type, default and help. The only reader of the environment."""

from enum import StrEnum
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError as UnreadableSetting

Group = TypeVar("Group", bound=BaseSettings)


class Profile(StrEnum):
    """Where the processes run: on a laptop, without a login, or for real money."""

    DEV = "dev"
    PRODUCTION = "production"


class SettingsError(Exception):
    """A variable has a value it cannot have; the message names the variable and what it takes."""


class Settings(BaseSettings):
    """What can be configured; field `x` is the variable `PAYGATE_X`."""

    model_config = SettingsConfigDict(env_prefix="PAYGATE_", frozen=True, extra="ignore")  # see `settings_config`

    profile: Profile = Field(
        Profile.PRODUCTION, description="`dev` serves everybody as merchant `demo`; `production` wants API keys"
    )
    host: str = Field("127.0.0.1", description="address the gateway listens on")
    port: int = Field(8000, ge=0, le=65535, description="port the gateway listens on")
    public_url: str = Field(
        "http://127.0.0.1:8000",
        pattern=r"^https?://[^\s?#]*[^\s?#/]$",
        description="where customers and providers reach the gateway",
    )
    workers: int = Field(1, ge=1, le=64, description="gateway processes")
    data_dir: Path = Field(Path(".paygate"), description="where `paygate dev` and `paygate eventstore` keep data")
    eventstore_uri: str = Field(
        "esdb://127.0.0.1:2113?tls=false",
        pattern=r"^esdb(\+discover)?://",
        description="EventStoreDB connection string",
    )
    redis_url: str = Field(
        "redis://127.0.0.1:6379/0", pattern=r"^(rediss?|unix)://", description="Redis or Valkey connection string"
    )
    secret_key: SecretStr | None = Field(
        None,
        description="at least 32 characters; seals payment tokens and signs client secrets (`paygate dev` makes one)",
    )
    api_keys: dict[str, str] = Field(
        {},
        repr=False,
        description='JSON object from API key to merchant: {"sk_live_…": "acme"}; required outside `dev`',
    )
    jwt_secret: SecretStr | None = Field(None, description="accept JWTs signed with this secret (HS256)")
    jwt_jwks_url: str | None = Field(None, description="accept JWTs signed with a key of this JWKS (RS256, ES256)")
    jwt_jwks_file: Path | None = Field(None, description="the same, from a file")
    jwt_issuer: str | None = Field(None, description="the `iss` a JWT must have")
    jwt_audience: str | None = Field(None, description="the `aud` a JWT must have")
    jwt_merchant_claim: str = Field("merchant", description="the claim that names the merchant")
    jwt_max_lifetime: float = Field(900.0, gt=0, description="seconds a JWT may be valid for at most")
    jwt_leeway: float = Field(30.0, ge=0, le=300, description="seconds that clocks may differ")
    introspection: bool | None = Field(
        None, description="whether the schema may be asked for and GraphiQL is served; when not set, only in `dev`"
    )
    return_origins: dict[str, list[str]] = Field(
        {},
        description="JSON object from merchant to where its customers may be sent back: "
        '{"acme": ["https://shop.example"]}; in `dev`, a merchant that is not named may send them anywhere',
    )
    trusted_documents: Path | None = Field(
        None, description="file of documents that clients name by hash: JSON from SHA-256 to text, or Apollo's manifest"
    )
    trusted_documents_only: bool = Field(
        False, description="refuse every document that is not in `PAYGATE_TRUSTED_DOCUMENTS`"
    )
    origins: list[str] = Field(
        [], description='JSON list of other origins whose pages may connect by WebSocket: ["https://shop.example"]'
    )
    legacy_websocket: bool = Field(
        False, description="also speak `graphql-ws`, the subprotocol of clients that cannot be changed any more"
    )
    connection_lifetime: float = Field(
        3600.0, gt=0, description="seconds a live connection lasts at most, give or take a fifth; clients resume"
    )
    drain_seconds: float = Field(
        5.0, ge=0, le=300, description="seconds over which a stopping gateway hands its live connections back"
    )
    stalled_seconds: float = Field(
        20.0, gt=0, le=600, description="seconds after which a peer that has stopped reading is let go (Linux)"
    )
    providers: list[str] = Field(["sandbox"], description="JSON list of the payment providers switched on")
    sandbox_url: str = Field(
        "http://127.0.0.1:8090", pattern=r"^https?://", description="where the sandbox provider is reached"
    )
    sandbox_public_url: str | None = Field(
        None, pattern=r"^https?://", description="where customers reach the sandbox's pages, when that is elsewhere"
    )
    sandbox_host: str = Field("127.0.0.1", description="address `paygate sandbox` listens on")
    sandbox_port: int = Field(8090, ge=0, le=65535, description="port `paygate sandbox` listens on")
    sandbox_mail_port: int | None = Field(
        None, ge=1, le=65535, description="port `paygate sandbox` takes mails at, to show them at its `/mails`"
    )
    eventstore_host: str = Field("127.0.0.1", description="address `paygate eventstore` listens on")
    eventstore_port: int = Field(2113, ge=0, le=65535, description="port `paygate eventstore` listens on")
    provider_timeout: float = Field(5.0, gt=0, le=120, description="seconds a provider has to answer a call")
    action_seconds: float = Field(
        86_400.0,
        gt=0,
        le=30 * 86_400,
        description="seconds a customer may take to act, for a payment without a deadline of its own",
    )
    breaker_failures: int = Field(
        20, ge=1, le=10_000, description="calls in a row that a provider does not answer before it is left alone"
    )
    breaker_seconds: float = Field(
        10.0,
        gt=0,
        le=3600,
        description="seconds it is left alone and refused to new payments",
    )
    processor_concurrency: int = Field(32, ge=1, le=1000, description="payments one processor works on at a time")
    sweep_interval: float = Field(1.0, gt=0, le=60, description="seconds between looks for payments that are due")
    feed_length: int = Field(
        10_000, ge=1, le=1_000_000, description="changes kept for each merchant, for `merchantPayments` to resume from"
    )
    wait_timeout_ms: int = Field(
        10_000, ge=1, le=60_000, description="milliseconds a mutation with `waitFor` waits when it does not say"
    )
    webhook_networks: list[str] = Field(
        [],
        description="JSON list of networks besides the public internet where merchants' endpoints may be, also by "
        'http: ["10.1.0.0/16"]; in `dev`, this machine is one',
    )
    webhook_timeout: float = Field(
        5.0, gt=0, le=60, description="seconds a merchant's endpoint has to answer a webhook"
    )
    webhook_concurrency: int = Field(
        4, ge=1, le=100, description="webhooks one notifier sends to an endpoint at a time, each about another payment"
    )
    notifier_interval: float = Field(1.0, gt=0, le=60, description="seconds between looks for messages that are due")
    push_private_key: SecretStr | None = Field(
        None,
        description="key for Web Push (VAPID), 32 bytes in base64url; without it nobody is told by push "
        "(`paygate dev` makes one)",
    )
    push_contact: str | None = Field(
        None,
        pattern=r"^(mailto:[^@\s]+@[^@\s]+|https://\S+)$",
        description="where those who run push services reach you: mailto:… or https://…; required with the key",
    )
    smtp_url: SecretStr | None = Field(
        None,
        description="mail server: smtp://host:port, smtp+starttls://user:password@host or smtps://user:password@host; "
        "without it nobody is told by mail",
    )
    mail_from: str | None = Field(
        None,
        pattern=r"^([^<>@\r\n]*<[^<>@\s]+@[^<>@\s]+>|[^<>@\s]+@[^<>@\s]+)$",
        description="sender of mails: Shop <pay@shop.example>; required with `PAYGATE_SMTP_URL`",
    )
    log_format: Literal["console", "json"] = Field("console", description="how log lines are written")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="the least level logged")

    @property
    def open_to_look(self) -> bool:
        """Whether strangers may explore the schema."""
        return self.profile is Profile.DEV if self.introspection is None else self.introspection

    @field_validator("webhook_networks")
    @classmethod
    def _networks_are_networks(cls, networks: list[str]) -> list[str]:
        for network in networks:
            ip_network(network)  # raises ValueError for what is none
        return networks

    @model_validator(mode="after")
    def _secrets_are_long_enough(self) -> "Settings":
        if self.secret_key is not None and len(self.secret_key.get_secret_value()) < 32:
            raise ValueError("secret_key: give at least 32 characters")
        return self

    @model_validator(mode="after")
    def _channels_are_whole(self) -> "Settings":
        if self.push_private_key is not None and self.push_contact is None:
            raise ValueError("push_contact: required with PAYGATE_PUSH_PRIVATE_KEY")
        if self.smtp_url is not None and self.mail_from is None:
            raise ValueError("mail_from: required with PAYGATE_SMTP_URL")
        return self

    @model_validator(mode="after")
    def _there_are_documents_to_trust(self) -> "Settings":
        if self.trusted_documents_only and self.trusted_documents is None:
            raise ValueError("trusted_documents_only: give PAYGATE_TRUSTED_DOCUMENTS too")
        return self


def settings_config(prefix: str) -> SettingsConfigDict:
    """How every group of settings is read; `prefix` is what the names of its variables begin with."""
    return SettingsConfigDict(env_prefix=prefix, frozen=True, extra="ignore")


def load_settings(**overrides: Any) -> Settings:
    """The settings from the environment; raises `SettingsError` naming each variable that is wrong."""
    return load(Settings, **overrides)


def load(kind: type[Group], **overrides: Any) -> Group:
    """A group of settings from the environment; raises `SettingsError` naming each variable that is wrong."""
    try:
        return kind(**overrides)
    except ValidationError as error:
        raise SettingsError("\n".join(_complaint(kind, problem) for problem in error.errors())) from None
    except UnreadableSetting as error:
        # Its text names the field; its cause holds the value, which may be a secret.
        raise SettingsError(_not_json(kind, str(error))) from None


def variable(kind: type[BaseSettings], field: str) -> str:
    """The name of the variable that a field is read from."""
    return f"{kind.model_config['env_prefix']}{field}".upper()


def _not_json(kind: type[BaseSettings], text: str) -> str:
    name = next((name for name in kind.model_fields if f'"{name}"' in text), "")
    field = kind.model_fields.get(name)
    return f"{variable(kind, name)}: is not JSON — {field.description if field else text}"


def _complaint(kind: type[BaseSettings], problem: Any) -> str:
    name = str(problem["loc"][0]) if problem["loc"] else problem["msg"].removeprefix("Value error, ").split(":")[0]
    field = kind.model_fields.get(name)
    takes = f" — {field.description}" if field else ""
    message = problem["msg"].removeprefix("Value error, ").removeprefix(f"{name}: ")
    return f"{variable(kind, name)}: {message}{takes}"
