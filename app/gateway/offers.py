"""What can be asked of a provider, checked before anything is stored, with the client's own field names."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from app.domain.money import Money
from app.domain.payment.events import CaptureMode, PaymentInitiated
from app.gateway.requests import FieldProblem, InitiateRequest, InvalidRequest
from app.providers.port import Capabilities
from app.providers.registry import ProviderRegistry


@dataclass(frozen=True)
class ReturnOrigins:
    """To which places customers may be sent back: `https://shop.example` per merchant, exactly.

    `open`: a merchant for which none is named may name any, as on a laptop.
    """

    by_merchant: Mapping[str, tuple[str, ...]]
    open: bool

    def admit(self, merchant_id: str, address: str) -> bool:
        """Whether this merchant's customers may be sent to `address`."""
        origins = self.by_merchant.get(merchant_id)
        if origins is None:
            return self.open
        return _origin(address) in {_origin(origin) for origin in origins}


def _origin(address: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(address)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def check(request: InitiateRequest, merchant_id: str, providers: ProviderRegistry, origins: ReturnOrigins) -> None:
    """Raises `InvalidRequest`, naming every field that the provider or the merchant's list does not allow."""
    kind, name = request.method.chosen
    field = f"method.{kind}.provider"
    provider = providers.get(name)
    if provider is None:
        known = ", ".join(providers.names)
        raise InvalidRequest((FieldProblem(field, "unknown_provider", f"{field}: there are {known}"),))
    problems = list(_against(request, kind, name, provider.capabilities))
    if request.return_url is not None and not origins.admit(merchant_id, request.return_url):
        message = "returnUrl: is not one of the places customers may be sent back to (PAYGATE_RETURN_ORIGINS)"
        problems.append(FieldProblem("returnUrl", "return_url_not_allowed", message))
    if problems:
        raise InvalidRequest(tuple(problems))


def _against(request: InitiateRequest, kind: str, name: str, offered: Capabilities) -> Iterator[FieldProblem]:
    if kind not in offered.methods:
        field = f"method.{kind}.provider"
        yield FieldProblem(field, "method_not_offered", f"{field}: {name} does not offer {kind}")
        return
    if offered.currencies is not None and request.currency not in offered.currencies:
        yield FieldProblem("currency", "currency_not_offered", f"currency: {name} does not take {request.currency}")
    else:
        yield from _against_amount(request, name, offered)
    if request.capture is CaptureMode.MANUAL and not offered.manual_capture:
        yield FieldProblem("capture", "manual_capture_not_offered", f"capture: {name} cannot hold money")
    card, prefixes = request.method.card, offered.token_prefixes
    if card is not None and prefixes and not card.token.get_secret_value().startswith(prefixes):
        message = f"method.card.token: {name}'s tokens begin with {' or '.join(prefixes)}"
        yield FieldProblem("method.card.token", "invalid_token", message)


def _against_amount(request: InitiateRequest, name: str, offered: Capabilities) -> Iterator[FieldProblem]:
    currency = request.currency
    if currency in offered.amounts:
        least, most = (Money(bound, currency) for bound in offered.amounts[currency])
        if not least.amount <= request.amount <= most.amount:
            yield FieldProblem("amount", "amount_not_offered", f"amount: {name} takes {least} to {most}")
    multiple = offered.multiples.get(currency, 1)
    if request.amount % multiple:
        whole = Money(multiple, currency)
        yield FieldProblem("amount", "amount_not_offered", f"amount: {name} takes multiples of {whole}")


def check_capture(amount: int | None, terms: PaymentInitiated, providers: ProviderRegistry) -> None:
    """Raises `InvalidRequest` when the provider takes all of what is held or nothing, and a part is wanted."""
    name = terms.method.provider
    provider = providers.get(name)
    if provider is None or provider.capabilities.partial_capture or amount in (None, terms.amount):
        return
    message = f"amount: {name} takes all of what is held"
    raise InvalidRequest((FieldProblem("amount", "partial_capture_not_offered", message),))


def check_refund(amount: int | None, name: str, providers: ProviderRegistry) -> None:
    """Raises `InvalidRequest` when the provider cannot give money back, or not so little."""
    provider = providers.get(name)
    if provider is None:
        raise InvalidRequest((FieldProblem("paymentId", "unknown_provider", f"paymentId: {name} is not switched on"),))
    offered = provider.capabilities
    if not offered.refunds:
        message = f"paymentId: {name} cannot give money back by itself"
        raise InvalidRequest((FieldProblem("paymentId", "refunds_not_offered", message),))
    if amount is not None and amount < offered.least_refund:
        message = f"amount: {name} gives back {offered.least_refund} at the least"
        raise InvalidRequest((FieldProblem("amount", "amount_not_offered", message),))
