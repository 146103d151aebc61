"""The published vector, and what must not pass for it."""

import base64
import binascii
import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from app.providers.paypal.signature import Transmission, is_signed, signed_message

WEBHOOK_ID = "WH-ID-EXAMPLE"
BODY = (
    b'{"id":"WH-EXAMPLE-1","event_type":"PAYMENT.CAPTURE.COMPLETED","resource":{"id":"CAP1","status":"COMPLETED",'
    b'"amount":{"currency_code":"USD","value":"10.00"}}}'
)
KEY = """-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAqscpplaT8Czuo3psSfHk
g9xBbh/wvzEylo+ZZZVu8VsV47SpedYFnTpdpHZ3VIbGrPHZwCOwxScGj1SKkF34
dJl9aqfeCJ8Qo8prxoVOFWspok4MpfJUTdKYJAuiYO3JxXwantPcovPyu4YtfABc
pXESBU+IHD3oorKMXWP7OTGPSzWgp4YQA6m3pA0YlEb8srCwmmhve+ZtvtL2k827
Wapmu/OAhOWtR0uilBoTmenl5OEHd2pSUOJygF7jn0X7XD+h6YBZAwLyuQJkROES
VzhPmdDR0zWpvxQeovZ2MplYBj1lV72kL6pwyhzIBJEFqmrPkNKa+5hnrDe3RYZA
TwIDAQAB
-----END PUBLIC KEY-----
"""
SIGNATURE = (
    "Fdu/62LrN0AGsnFWumGBrwTka7tLAWBPydfJ0hfdZ45zhZYmB98tgFDLsaB+IGisxPqrANY2AT/E4xgdua9NUhjgvO0jvKpbq9QPq1+dTbVRedI1"
    "Fx2cEZ30FL7LGJ3AIkfcMfWJH/YhRQB/9lOC7/RTVzZAc7GslU440CYmSxsHcpDPYQ9GHKAiuKE7Hx9zCSJ3t6GQwF6/LKyfLvWojUa3EusqDjUS"
    "9rRUBNNs7Gzz8onObP+NGOIWo5DAN5XSMQxnikDNbyqq/8K/nSkwCz1LurthVF+DU07DzAE9VK0RhnmKlYcTTJbxrZ4pSd6SVvdvD7BDUI14TjTN"
    "XbCiow=="
)
HEADERS = {
    "paypal-transmission-id": "8d5b2c10-c5b0-11f0-9d3a-0242ac120002",
    "paypal-transmission-time": "2025-11-20T12:00:00Z",
    "paypal-transmission-sig": SIGNATURE,
    "paypal-cert-url": "https://api.paypal.com/v1/notifications/certs/CERT-1",
    "paypal-auth-algo": "SHA256withRSA",
}


def key() -> RSAPublicKey:
    found = load_pem_public_key(KEY.encode())
    assert isinstance(found, RSAPublicKey)
    return found


def transmission(**changes: str) -> Transmission | None:
    return Transmission.of(
        {**HEADERS, **{f"paypal-{name.replace('_', '-')}": value for name, value in changes.items()}}
    )


def vector() -> Transmission:
    found = transmission()
    assert found is not None
    return found


def test_the_message_is_the_published_one() -> None:
    message = b"8d5b2c10-c5b0-11f0-9d3a-0242ac120002|2025-11-20T12:00:00Z|WH-ID-EXAMPLE|1587137770"
    assert binascii.crc32(BODY) == 1587137770
    assert signed_message(vector(), WEBHOOK_ID, BODY) == message


def test_the_published_signature_is_valid() -> None:
    assert is_signed(signed_message(vector(), WEBHOOK_ID, BODY), vector().signature, key())


@pytest.mark.parametrize("place", [0, 60, len(BODY) - 1])
def test_with_any_byte_changed_it_is_not(place: int) -> None:
    changed = BODY[:place] + bytes([BODY[place] ^ 1]) + BODY[place + 1 :]
    assert not is_signed(signed_message(vector(), WEBHOOK_ID, changed), vector().signature, key())


def test_nor_for_another_webhook_id() -> None:
    assert not is_signed(signed_message(vector(), "WH-ID-OTHER", BODY), vector().signature, key())


def test_the_body_is_not_hashed_with_sha_256() -> None:
    mistaken = f"{vector().id}|{vector().time}|{WEBHOOK_ID}|{hashlib.sha256(BODY).hexdigest()}".encode()
    assert not is_signed(mistaken, vector().signature, key())


@pytest.mark.parametrize("missing", HEADERS)
def test_every_header_is_needed(missing: str) -> None:
    assert Transmission.of({name: value for name, value in HEADERS.items() if name != missing}) is None
    assert Transmission.of({**HEADERS, missing: ""}) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"auth_algo": "SHA1withRSA"},
        {"transmission_sig": "not base64!"},
        {"transmission_sig": f"{SIGNATURE}, {SIGNATURE}"},
        {"transmission_sig": base64.b64encode(b"x" * 4096).decode()},
    ],
)
def test_headers_that_cannot_be_right_are_no_transmission(changes: dict[str, str]) -> None:
    assert transmission(**changes) is None


def test_a_time_that_is_none_is_none() -> None:
    odd = transmission(transmission_time="yesterday")
    assert odd is not None
    assert odd.sent_at is None
