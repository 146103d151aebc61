import pytest

from app.access.callers import DEMO, Callers, Unauthenticated
from app.settings import Profile, Settings, SettingsError

KEYS = {"sk_acme": "acme", "sk_globex": "globex"}


def settings(profile: Profile, **fields: object) -> Settings:
    return Settings.model_validate({"profile": profile, **fields})


@pytest.fixture
def callers() -> Callers:
    return Callers.from_settings(settings(Profile.PRODUCTION, api_keys=KEYS))


@pytest.mark.parametrize("header", ["Bearer sk_globex", "bearer sk_globex", "Bearer   sk_globex "])
def test_a_key_says_whose_it_is(callers: Callers, header: str) -> None:
    assert callers.identify(header).merchant_id == "globex"


@pytest.mark.parametrize(
    "header",
    [
        "Bearer sk_nobody",
        "Bearer sk_globe",
        "Bearer sk_globexx",
        "Bearer SK_GLOBEX",
        "Bearer ",
        "Bearer",
        "",
        "sk_globex",
        "Basic sk_globex",
        "Bearer Bearer sk_globex",
        "Bearer sk_globex sk_acme",
        "Bearer schlüssel",
    ],
)
def test_anything_else_is_nobodys_and_is_not_repeated(callers: Callers, header: str) -> None:
    with pytest.raises(Unauthenticated) as refused:
        callers.identify(header)
    assert str(refused.value) == "the API key is not known"


def test_without_a_key_nobody_is_let_in_where_money_is_real(callers: Callers) -> None:
    with pytest.raises(Unauthenticated):
        callers.identify(None)


def test_on_a_laptop_everybody_is_the_demo_merchant_but_a_wrong_key_is_still_wrong() -> None:
    callers = Callers.from_settings(settings(Profile.DEV, api_keys=KEYS))
    assert callers.identify(None).merchant_id == DEMO
    assert callers.identify("Bearer sk_acme").merchant_id == "acme"
    with pytest.raises(Unauthenticated):
        callers.identify("Bearer sk_nobody")


def test_where_money_is_real_there_is_no_start_without_keys() -> None:
    with pytest.raises(SettingsError, match="PAYGATE_API_KEYS"):
        Callers.from_settings(settings(Profile.PRODUCTION))


def test_keys_are_not_kept(callers: Callers) -> None:
    assert "sk_acme" not in repr(vars(callers))
