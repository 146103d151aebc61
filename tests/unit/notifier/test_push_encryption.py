"""Encryption and identification of Web Push, held against the RFC's own example and another reading of it."""

import base64
import json
from datetime import timedelta

import http_ece  # type: ignore[import-untyped]
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    derive_private_key,
    generate_private_key,
)
from pydantic import SecretStr

from app.notifier.push.encryption import LARGEST_MESSAGE, encrypted, public_point
from app.notifier.push.subscription import PushSubscription
from app.notifier.push.vapid import VapidKey
from tests.support.builders import NOW


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def private(text: str) -> EllipticCurvePrivateKey:
    return derive_private_key(int.from_bytes(decoded(text), "big"), SECP256R1())


class TestTheExampleOfRfc8291:
    """Its appendix A."""

    SUBSCRIPTION = PushSubscription(
        "https://push.example.net/push/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV",
        decoded("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"),
        decoded("BTBZMqHH6r4Tts7J_aSIgg"),
    )
    BODY = (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6"
        "cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )

    def test_is_encrypted_as_there(self) -> None:
        body = encrypted(
            b"When I grow up, I want to be a watermelon",
            self.SUBSCRIPTION,
            salt=decoded("DGv6ra1nlYgDCS1FRnbzlw"),
            sender_key=private("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"),
        )
        assert body == decoded(self.BODY)


@pytest.mark.parametrize("length", [1, 100, LARGEST_MESSAGE])
def test_the_browser_can_read_what_was_encrypted_for_it(length: int) -> None:
    key, secret = generate_private_key(SECP256R1()), b"sixteen bytes..."
    body = encrypted(b"m" * length, PushSubscription("https://push.test/1", public_point(key), secret))
    assert http_ece.decrypt(body, private_key=key, auth_secret=secret) == b"m" * length
    assert len(body) <= 4096


def test_a_subscription_is_read_as_browsers_write_it_and_shows_nothing_of_itself() -> None:
    keys = {"p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4="}
    kept = json.dumps({"endpoint": "https://push.test/1", "keys": {**keys, "auth": "BTBZMqHH6r4Tts7J_aSIgg"}})
    subscription = PushSubscription.read(SecretStr(kept))
    assert subscription.public_key == TestTheExampleOfRfc8291.SUBSCRIPTION.public_key
    assert subscription.secret == TestTheExampleOfRfc8291.SUBSCRIPTION.secret
    assert "push.test" not in repr(subscription)


class TestVapid:
    KEY = VapidKey.read("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw", "mailto:ops@shop.test")

    def test_the_signature_names_us_and_one_push_service_for_half_a_day(self) -> None:
        scheme, _, rest = self.KEY.authorization("https://push.test:8443", NOW).partition(" ")
        parameters = dict(each.split("=", 1) for each in rest.split(", "))
        assert (scheme, parameters["k"]) == ("vapid", self.KEY.public)
        claims = jwt.decode(
            parameters["t"],
            self.KEY.key.public_key(),
            algorithms=["ES256"],
            audience="https://push.test:8443",
            options={"verify_exp": False},
        )
        assert claims["sub"] == "mailto:ops@shop.test"
        assert claims["exp"] == int((NOW + timedelta(hours=12)).timestamp())

    def test_the_public_key_is_what_browsers_take(self) -> None:
        assert len(decoded(self.KEY.public)) == 65
        assert (
            self.KEY.public == "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8"
        )

    @pytest.mark.parametrize("text", ["", "short", "AAAA" * 20, "not base64url!" * 3, "A" * 43])
    def test_a_key_that_is_none_is_refused(self, text: str) -> None:
        with pytest.raises(ValueError, match="takes a private key"):
            VapidKey.read(text, "mailto:ops@shop.test")
