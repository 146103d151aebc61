from collections.abc import Callable
from pathlib import Path

import pytest

from app.gateway.contacts import NO_CHANNELS
from app.settings import Profile, Settings, SettingsError, load_settings
from app.wiring.gateway import channels_of


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Sets variables, without `PAYGATE_`, in an environment that has no others."""
    for field in Settings.model_fields:
        monkeypatch.delenv(f"PAYGATE_{field.upper()}", raising=False)

    def set_variables(**values: str) -> None:
        for name, value in values.items():
            monkeypatch.setenv(f"PAYGATE_{name}", value)

    return set_variables


def complaint(**overrides: object) -> str:
    with pytest.raises(SettingsError) as wrong:
        load_settings(**overrides)
    return str(wrong.value)


def test_without_any_variable_there_are_defaults_and_money_is_real(environment: Callable[..., None]) -> None:
    environment()
    settings = load_settings()
    assert (settings.host, settings.port, settings.data_dir) == ("127.0.0.1", 8000, Path(".paygate"))
    assert settings.profile is Profile.PRODUCTION


def test_variables_are_read_with_their_prefix(environment: Callable[..., None]) -> None:
    environment(PORT="8001", PROFILE="dev", API_KEYS='{"sk_1": "acme"}', PROVIDERS='["sandbox", "momo"]')
    settings = load_settings()
    assert (settings.port, settings.profile) == (8001, Profile.DEV)
    assert settings.api_keys == {"sk_1": "acme"}
    assert settings.providers == ["sandbox", "momo"]


def test_what_is_said_in_the_program_counts_more_than_the_environment(environment: Callable[..., None]) -> None:
    environment(PORT="8001")
    assert load_settings(port=9000).port == 9000


@pytest.mark.parametrize(
    ("variable", "value", "takes"),
    [
        ("PROFILE", "hunter2", "'dev' or 'production'"),
        ("PORT", "hunter2", "integer"),
        ("PORT", "65536", "65535"),
        ("PORT", "-1", "greater than or equal to 0"),
        ("WORKERS", "0", "greater than or equal to 1"),
        ("EVENTSTORE_URI", "http://admin:hunter2@store", "esdb"),
        ("REDIS_URL", "http://:hunter2@redis", "redis"),
        ("SANDBOX_URL", "ftp://hunter2", "https?"),
        ("SECRET_KEY", "hunter2", "at least 32 characters"),
        ("TRUSTED_DOCUMENTS_ONLY", "hunter2", "boolean"),
        ("TRUSTED_DOCUMENTS_ONLY", "true", "give PAYGATE_TRUSTED_DOCUMENTS too"),
        ("API_KEYS", '["hunter2"]', "dictionary"),
        ("API_KEYS", '{"hunter2": 1}', "string"),
        ("PROVIDERS", '"hunter2"', "list"),
        ("PROVIDER_TIMEOUT", "0", "greater than 0"),
        ("PROVIDER_TIMEOUT", "hunter2", "number"),
        ("LOG_FORMAT", "hunter2", "'console' or 'json'"),
        ("LOG_LEVEL", "hunter2", "'debug'"),
    ],
)
def test_a_wrong_variable_stops_the_start_with_its_name_what_it_takes_and_not_its_value(
    environment: Callable[..., None], variable: str, value: str, takes: str
) -> None:
    environment(**{variable: value})
    said = complaint()
    assert said.startswith(f"PAYGATE_{variable}: ")
    assert takes in said
    assert str(Settings.model_fields[variable.lower()].description) in said
    assert "hunter2" not in said


@pytest.mark.parametrize(("variable", "value"), [("API_KEYS", "{hunter2: acme}"), ("PROVIDERS", "hunter2")])
def test_what_is_not_json_stops_the_start_in_the_same_way(
    environment: Callable[..., None], variable: str, value: str
) -> None:
    environment(**{variable: value})
    said = complaint()
    assert said.startswith(f"PAYGATE_{variable}: ")
    assert "hunter2" not in said


def test_every_wrong_variable_is_named_at_once(environment: Callable[..., None]) -> None:
    environment(PORT="x", WORKERS="y", LOG_LEVEL="z")
    assert [line.split(":")[0] for line in complaint().splitlines()] == [
        "PAYGATE_PORT",
        "PAYGATE_WORKERS",
        "PAYGATE_LOG_LEVEL",
    ]


def test_every_variable_says_what_it_is_for() -> None:
    assert all(field.description for field in Settings.model_fields.values())


def test_the_secret_key_does_not_show_in_what_is_printed(environment: Callable[..., None]) -> None:
    environment(SECRET_KEY="hunter2" * 5)
    assert "hunter2" not in repr(load_settings())
    assert load_settings().secret_key is not None


@pytest.mark.parametrize(
    ("given", "complaint_begins"),
    [
        ({"PUSH_PRIVATE_KEY": "k" * 43}, "PAYGATE_PUSH_CONTACT: required with PAYGATE_PUSH_PRIVATE_KEY"),
        ({"PUSH_CONTACT": "ops@shop.test"}, "PAYGATE_PUSH_CONTACT: "),
        ({"SMTP_URL": "smtp://mail.test"}, "PAYGATE_MAIL_FROM: required with PAYGATE_SMTP_URL"),
        ({"MAIL_FROM": "shop"}, "PAYGATE_MAIL_FROM: "),
        ({"MAIL_FROM": "Shop <pay@shop.test>\r\nBcc: x@shop.test"}, "PAYGATE_MAIL_FROM: "),
    ],
)
def test_a_channel_is_switched_on_as_a_whole(
    environment: Callable[..., None], given: dict[str, str], complaint_begins: str
) -> None:
    environment(**given)
    assert complaint().startswith(complaint_begins)


@pytest.mark.parametrize(
    ("given", "variable"),
    [
        ({"push_private_key": "hunter2", "push_contact": "mailto:ops@shop.test"}, "PAYGATE_PUSH_PRIVATE_KEY"),
        ({"smtp_url": "smtp://user:hunter2@", "mail_from": "pay@shop.test"}, "PAYGATE_SMTP_URL"),
    ],
)
def test_a_channel_that_could_not_work_stops_the_start(given: dict[str, str], variable: str) -> None:
    with pytest.raises(SettingsError) as refusal:
        channels_of(Settings.model_validate(given))
    assert str(refusal.value).startswith(f"{variable}: takes ")
    assert "hunter2" not in str(refusal.value)


def test_channels_that_are_not_switched_on_are_off(environment: Callable[..., None]) -> None:
    environment()
    assert channels_of(load_settings()) == NO_CHANNELS
    environment(SMTP_URL="smtp://mail.test", MAIL_FROM="Shop <pay@shop.test>")
    assert channels_of(load_settings()).mail
