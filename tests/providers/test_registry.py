"""Which providers there are, and how another distribution adds one."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import EntryPoint, EntryPoints

import pytest

from app.providers import registry
from app.providers.http import ProviderHttp, open_http
from app.providers.port import Capabilities, PaymentProvider, ProviderContext
from app.providers.registry import open_providers
from app.providers.sandbox.adapter import SandboxProvider
from app.settings import Settings, SettingsError
from app.wiring.shared import utc_now

opened: list[str] = []


class Wallet(SandboxProvider):
    @property
    def name(self) -> str:
        return "wallet"

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(frozenset({"redirect", "qr"}))


@asynccontextmanager
async def open_wallet(_: ProviderContext) -> AsyncIterator[PaymentProvider]:
    async with open_http("http://127.0.0.1:9") as client:
        opened.append("wallet")
        yield Wallet(ProviderHttp(client, "wallet", 1.0))
        opened.remove("wallet")


@pytest.fixture
def _wallet_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    wallet = EntryPoint("wallet", f"{__name__}:open_wallet", registry.ENTRY_POINT_GROUP)

    monkeypatch.setattr(registry, "entry_points", EntryPoints([wallet]).select)


async def test_the_sandbox_is_built_in() -> None:
    async with open_providers(Settings(providers=["sandbox"]), utc_now) as providers:
        sandbox = providers.get("sandbox")
        assert sandbox is not None
        assert sandbox.name == "sandbox"
        assert providers.names == ("sandbox",)
        assert providers.offering("card") == ("sandbox",)
        assert providers.offering("qr") == ()


async def test_what_is_not_switched_on_is_not_there() -> None:
    async with open_providers(Settings(providers=[]), utc_now) as providers:
        assert providers.get("sandbox") is None
        assert providers.names == ()


async def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(SettingsError, match=r"PAYGATE_PROVIDERS: there is no provider 'paypall'; known are: .*sandbox"):
        async with open_providers(Settings(providers=["sandbox", "paypall"]), utc_now):
            pass


@pytest.mark.usefixtures("_wallet_is_installed")
async def test_another_distribution_brings_a_provider() -> None:
    async with open_providers(Settings(providers=["wallet", "sandbox"]), utc_now) as providers:
        wallet = providers.get("wallet")
        assert wallet is not None
        assert wallet.name == "wallet"
        assert providers.names == ("wallet", "sandbox")
        assert providers.offering("redirect") == ("wallet",)
        assert opened == ["wallet"]
    assert opened == []


@pytest.mark.usefixtures("_wallet_is_installed")
async def test_a_plug_in_that_is_switched_off_is_not_loaded() -> None:
    async with open_providers(Settings(providers=["sandbox"]), utc_now) as providers:
        assert providers.get("wallet") is None
        assert opened == []
