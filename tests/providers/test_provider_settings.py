"""What a provider is told by its own variables, and how a wrong one is complained about."""

from pathlib import Path
from typing import Any

import pytest

from app.laptop.sandbox.paypal.certificate import authority_pem
from app.providers.paypal.adapter import open_provider as open_paypal
from app.providers.paypal.settings import PayPalSettings
from app.providers.port import ProviderContext
from app.providers.vnpay.settings import VNPaySettings
from app.settings import Settings, SettingsError, load
from app.wiring.shared import utc_now

PAYPAL: dict[str, Any] = {"client_id": "c", "client_secret": "s", "webhook_id": "WH-1"}
VNPAY: dict[str, Any] = {
    "pay_url": "https://vnpay.test/vpcpay.html",
    "api_url": "https://vnpay.test/api/transaction",
    "tmn_code": "EXAMPLE1",
    "hash_secret": "s",
}


@pytest.mark.parametrize(
    ("kind", "values"),
    [(PayPalSettings, {**PAYPAL, name: None}) for name in PAYPAL]
    + [(VNPaySettings, {**VNPAY, n: None}) for n in VNPAY],
)
def test_a_missing_credential_is_complained_about_by_name(kind: Any, values: dict[str, Any]) -> None:
    (missing,) = (name for name, value in values.items() if value is None)
    with pytest.raises(SettingsError) as complaint:
        load(kind, **{name: value for name, value in values.items() if value is not None})
    prefix = kind.model_config["env_prefix"]
    assert str(complaint.value).startswith(f"{prefix}{missing.upper()}: ")


@pytest.mark.parametrize(
    "origin",
    [
        "http://api.paypal.com",
        "https://api.paypal.com/",
        "https://api.paypal.com:8443",
        "api.paypal.com",
        "https://a@b",
    ],
)
def test_certificates_come_by_https_except_on_this_machine(origin: str) -> None:
    here = ["http://127.0.0.1:8090"]
    assert load(PayPalSettings, **PAYPAL, certificate_origins=here).certificate_origins == here
    with pytest.raises(SettingsError, match="PAYGATE_PAYPAL_CERTIFICATE_ORIGINS"):
        load(PayPalSettings, **PAYPAL, certificate_origins=[origin])


def test_authorities_are_text_or_a_file(tmp_path: Path) -> None:
    pem, file = authority_pem(), tmp_path / "ca.pem"
    file.write_text(pem)
    for given in (pem, str(file)):
        assert load(PayPalSettings, **PAYPAL, certificate_authorities=given).authorities_pem() == pem.encode()
    assert load(PayPalSettings, **PAYPAL).authorities_pem() is None


@pytest.mark.parametrize("given", ["-----BEGIN CERTIFICATE-----\nnone", "/nowhere/ca.pem"])
async def test_authorities_that_cannot_be_read_stop_the_start(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**PAYPAL, "certificate_authorities": given}.items():
        monkeypatch.setenv(f"PAYGATE_PAYPAL_{name.upper()}", value)
    with pytest.raises(SettingsError, match="PAYGATE_PAYPAL_CERTIFICATE_AUTHORITIES"):
        async with open_paypal(ProviderContext(Settings(), utc_now)):
            raise AssertionError("it started")
