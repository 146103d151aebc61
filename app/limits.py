"""Every limit on what callers may ask of a gateway, as `PAYGATE_…` variables."""

from pydantic import Field
from pydantic_settings import BaseSettings

from app.settings import load, settings_config


class Limits(BaseSettings):
    """The limits of one gateway process; the rates alone are shared by all gateways on one Redis."""

    model_config = settings_config("PAYGATE_")

    connections: int = Field(20_000, ge=1, description="live connections one gateway process takes")
    # Room for ten thousand subscriptions of one back end, and a quarter of the gateway for everybody else.
    connections_per_caller: int = Field(
        15_000, ge=0, description="of these, how many one API key or subject of a JWT may hold; 0 for any number"
    )
    connections_per_client_secret: int = Field(
        100, ge=0, description="the same for one client secret, which stands for one payment; 0 for any number"
    )
    connections_unidentified: int = Field(
        5_000, ge=0, description="WebSockets that may be open before they have said who they are; 0 for any number"
    )
    operations_per_connection: int = Field(100, ge=1, le=100_000, description="operations at a time on one WebSocket")
    init_seconds: float = Field(
        3.0, gt=0, le=600, description="seconds a WebSocket has from its opening to be acknowledged"
    )
    message_bytes: int = Field(64 * 1024, ge=1024, le=16 * 1024 * 1024, description="bytes of a message by WebSocket")
    message_rate: float = Field(20.0, gt=0, description="messages a second one WebSocket may send in the long run")
    message_burst: int = Field(120, ge=1, description="messages one WebSocket may send at once")
    mailbox_bytes: int = Field(
        256 * 1024, ge=1024, description="bytes held for a subscription that is not read as fast as it is told"
    )
    body_bytes: int = Field(64 * 1024, ge=1024, le=16 * 1024 * 1024, description="bytes of a request by HTTP")
    query_tokens: int = Field(1_000, ge=1, description="tokens of a GraphQL document")
    query_cost: int = Field(10_000, ge=1, description="fields that an operation may bring at most, lists multiplied")
    query_depth: int = Field(15, ge=1, description="how deep an operation may be nested; GraphiQL needs 13")
    query_aliases: int = Field(15, ge=0, description="aliases of an operation")
    mutation_rate: float = Field(
        1_000.0, ge=0, description="mutations a second one caller may send in the long run; 0 for any number"
    )
    mutation_burst: int = Field(10_000, ge=1, description="mutations one caller may send at once")
    read_rate: float = Field(
        2_000.0,
        ge=0,
        description="queries, subscriptions and status requests a second one caller may begin in the long run; "
        "0 for any number",
    )
    read_burst: int = Field(20_000, ge=1, description="queries, subscriptions and status requests it may begin at once")


def load_limits() -> Limits:
    """The limits from the environment; raises `SettingsError` naming each variable that is wrong."""
    return load(Limits)
