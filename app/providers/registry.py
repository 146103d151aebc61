"""Name to provider: the built-in ones, and those that other distributions bring as plug-ins.

A plug-in is an entry point of the group `paygate.providers`: its name is the provider's, its object a
`ProviderFactory`. Only what the settings switch on is loaded.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from importlib.metadata import entry_points

from pydantic_settings import BaseSettings

from app.limits import Limits
from app.providers.momo import adapter as momo
from app.providers.momo.settings import MomoSettings
from app.providers.notices import NoticeReader
from app.providers.paypal import adapter as paypal
from app.providers.paypal.settings import PayPalSettings
from app.providers.port import Clock, MethodKind, PaymentProvider, ProviderContext
from app.providers.sandbox import adapter as sandbox
from app.providers.stripe import adapter as stripe
from app.providers.stripe.settings import StripeSettings
from app.providers.vietqr import adapter as vietqr
from app.providers.vietqr.settings import VietQrSettings
from app.providers.vnpay import adapter as vnpay
from app.providers.vnpay.settings import VNPaySettings
from app.providers.zalopay import adapter as zalopay
from app.providers.zalopay.settings import ZaloPaySettings
from app.settings import Settings, SettingsError

ENTRY_POINT_GROUP = "paygate.providers"

ProviderFactory = Callable[[ProviderContext], AbstractAsyncContextManager[PaymentProvider]]
"""Makes a provider, and closes what it holds open afterwards; raises `SettingsError` when a setting of its is wrong."""


class ProviderRegistry:
    """The providers that are switched on."""

    def __init__(self, providers: Mapping[str, PaymentProvider]) -> None:
        self._providers = dict(providers)

    @property
    def names(self) -> tuple[str, ...]:
        """What clients may write in `provider`, in the order of the settings."""
        return tuple(self._providers)

    def each(self, change: Callable[[PaymentProvider], PaymentProvider]) -> "ProviderRegistry":
        """The same providers, each changed."""
        return ProviderRegistry({name: change(provider) for name, provider in self._providers.items()})

    def get(self, name: str) -> PaymentProvider | None:
        """The provider of that name, or None when it is not switched on."""
        return self._providers.get(name)

    def reader(self, name: str) -> tuple[str, NoticeReader] | None:
        """Who reads what comes in at `/webhooks/{name}`, and the provider whose word it is; or None."""
        for provider_name, provider in self._providers.items():
            for reader in provider.notice_readers:
                if reader.name == name:
                    return provider_name, reader
        return None

    def offering(self, method: MethodKind) -> tuple[str, ...]:
        """The names of those that take payments this way."""
        return tuple(name for name, provider in self._providers.items() if method in provider.capabilities.methods)


@asynccontextmanager
async def open_providers(settings: Settings, clock: Clock) -> AsyncIterator[ProviderRegistry]:
    """The providers the settings switch on; raises `SettingsError` when one of them does not exist."""
    context = ProviderContext(settings, clock)
    factories = {name: _factory(name) for name in settings.providers}
    async with AsyncExitStack() as stack:
        providers = {name: await stack.enter_async_context(make(context)) for name, make in factories.items()}
        yield ProviderRegistry(providers)


ALL_SETTINGS: tuple[type[BaseSettings], ...] = (
    Settings,
    StripeSettings,
    PayPalSettings,
    MomoSettings,
    ZaloPaySettings,
    VNPaySettings,
    VietQrSettings,
    Limits,
)
"""Every group of settings there is: paygate's own, those of the built-in providers, and the limits of gateways."""

_BUILT_IN: Mapping[str, ProviderFactory] = {
    sandbox.NAME: sandbox.open_provider,
    stripe.NAME: stripe.open_provider,
    paypal.NAME: paypal.open_provider,
    momo.NAME: momo.open_provider,
    zalopay.NAME: zalopay.open_provider,
    vnpay.NAME: vnpay.open_provider,
    vietqr.NAME: vietqr.open_provider,
}


def _factory(name: str) -> ProviderFactory:
    if name in _BUILT_IN:
        return _BUILT_IN[name]
    for plug_in in entry_points(group=ENTRY_POINT_GROUP, name=name):
        factory: ProviderFactory = plug_in.load()
        return factory
    known = sorted({*_BUILT_IN, *(plug_in.name for plug_in in entry_points(group=ENTRY_POINT_GROUP))})
    raise SettingsError(f"PAYGATE_PROVIDERS: there is no provider {name!r}; known are: {', '.join(known)}")
