"""What a provider does not offer is refused before anything is stored, by the client's own field names."""

from collections.abc import Callable
from typing import Any

import pytest

from app.gateway.offers import ReturnOrigins, check, check_capture, check_refund
from app.gateway.requests import InitiateRequest, InvalidRequest, parse
from app.providers.port import Capabilities
from app.providers.registry import ProviderRegistry
from tests.support.builders import initiated

ANYWHERE = ReturnOrigins({}, open=True)
WALLET = Capabilities(
    methods=frozenset({"redirect"}),
    currencies=frozenset({"VND", "JPY", "HUF"}),
    multiples={"HUF": 100},
    amounts={"VND": (1_000, 50_000_000)},
    manual_capture=False,
    least_refund=1_000,
)
CARDS = Capabilities(methods=frozenset({"card"}), token_prefixes=("pm_", "pi_"), refunds=False)
GOOD: dict[str, Any] = {
    "idempotencyKey": "k",
    "amount": 200_000,
    "currency": "VND",
    "method": {"redirect": {"provider": "wallet"}},
}
CARD: dict[str, Any] = {"card": {"provider": "cards", "token": "pm_1"}}


class Offering:
    """A provider of which only what it offers is looked at."""

    def __init__(self, capabilities: Capabilities) -> None:
        self.capabilities = capabilities


PROVIDERS = ProviderRegistry({"wallet": Offering(WALLET), "cards": Offering(CARDS)})  # type: ignore[dict-item]


def problems(origins: ReturnOrigins = ANYWHERE, **changes: Any) -> dict[str, str]:
    """What is refused, code by field."""
    request = parse(InitiateRequest, {**GOOD, **changes})
    return _found(lambda: check(request, "acme", PROVIDERS, origins))


def test_what_is_offered_is_let_through() -> None:
    assert problems() == {}
    assert problems(method=CARD, currency="KWD", amount=1, capture="MANUAL") == {}


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"method": {"redirect": {"provider": "nobody"}}}, "method.redirect.provider", "unknown_provider"),
        ({"method": {"qr": {"provider": "wallet"}}}, "method.qr.provider", "method_not_offered"),
        ({"currency": "EUR"}, "currency", "currency_not_offered"),
        ({"amount": 999}, "amount", "amount_not_offered"),
        ({"amount": 50_000_001}, "amount", "amount_not_offered"),
        ({"currency": "HUF", "amount": 250}, "amount", "amount_not_offered"),
        ({"capture": "MANUAL"}, "capture", "manual_capture_not_offered"),
        ({"method": {"card": {"provider": "cards", "token": "tok_1"}}}, "method.card.token", "invalid_token"),
    ],
)
def test_what_is_not_is_named(changes: dict[str, Any], field: str, code: str) -> None:
    assert problems(**changes) == {field: code}


def test_a_currency_without_named_bounds_has_none() -> None:
    assert problems(currency="JPY", amount=1) == {}


def test_all_that_is_wrong_is_named_at_once() -> None:
    assert set(problems(amount=1, capture="MANUAL")) == {"amount", "capture"}


@pytest.mark.parametrize(("amount", "code"), [(None, None), (1000, None), (400, "partial_capture_not_offered")])
def test_a_part_is_not_taken_where_only_all_can_be(amount: int | None, code: str | None) -> None:
    whole = Capabilities(methods=frozenset({"card"}), partial_capture=False)
    providers = ProviderRegistry({"sandbox": Offering(whole)})  # type: ignore[dict-item]
    found = _found(lambda: check_capture(amount, initiated(), providers))
    assert found == ({} if code is None else {"amount": code})


class TestReturnAddresses:
    LISTED = ReturnOrigins({"acme": ("https://shop.example", "http://localhost:3000/")}, open=False)

    @pytest.mark.parametrize(
        "address",
        [
            "https://shop.example",
            "https://shop.example/done?order=1",
            "https://SHOP.example:443/",
            "http://localhost:3000/x",
        ],
    )
    def test_the_merchants_own_places_are_allowed(self, address: str) -> None:
        assert problems(self.LISTED, returnUrl=address) == {}

    @pytest.mark.parametrize(
        "address",
        [
            "http://shop.example/",
            "https://shop.example:8443/",
            "https://shop.example.evil.test/",
            "https://evil.test/?https://shop.example",
            "https://pay.shop.example/",
            "http://localhost/",
        ],
    )
    def test_any_other_is_refused(self, address: str) -> None:
        assert problems(self.LISTED, returnUrl=address) == {"returnUrl": "return_url_not_allowed"}

    def test_a_merchant_without_a_list_may_name_any_on_a_laptop_and_none_elsewhere(self) -> None:
        assert problems(ReturnOrigins({}, open=True), returnUrl="https://any.test/") == {}
        closed = ReturnOrigins({"another": ("https://any.test",)}, open=False)
        assert problems(closed, returnUrl="https://any.test/") == {"returnUrl": "return_url_not_allowed"}


@pytest.mark.parametrize(
    ("name", "amount", "expected"),
    [
        ("wallet", None, {}),
        ("wallet", 1_000, {}),
        ("wallet", 999, {"amount": "amount_not_offered"}),
        ("cards", None, {"paymentId": "refunds_not_offered"}),
        ("nobody", None, {"paymentId": "unknown_provider"}),
    ],
)
def test_refunds_are_refused_where_they_cannot_be_made(name: str, amount: int | None, expected: dict[str, str]) -> None:
    assert _found(lambda: check_refund(amount, name, PROVIDERS)) == expected


def _found(checking: Callable[[], None]) -> dict[str, str]:
    try:
        checking()
    except InvalidRequest as refused:
        return {problem.field: problem.code for problem in refused.problems}
    return {}
