"""Secrets derived from the one secret key: sealed payment tokens, client secrets, fingerprints and digests."""

import base64
import hashlib
import hmac
import json
from typing import Any

from cryptography.fernet import Fernet, InvalidToken
from pydantic import SecretStr

from app.domain.ids import OrderId, PaymentId


class Unsealable(Exception):
    """A sealed value that this secret key did not seal."""


class Vault:
    """Each use has a key of its own, so that no value made for one passes for another."""

    def __init__(self, secret_key: SecretStr) -> None:
        self._root = secret_key.get_secret_value().encode()
        self._seal = Fernet(base64.urlsafe_b64encode(self._derived("seal")))

    def seal(self, token: SecretStr) -> str:
        """A payment token as it is stored: encrypted and authenticated."""
        return self._seal.encrypt(token.get_secret_value().encode()).decode()

    def unseal(self, sealed: str) -> SecretStr:
        """The token again; raises `Unsealable`."""
        try:
            return SecretStr(self._seal.decrypt(sealed).decode())
        except (InvalidToken, ValueError):
            raise Unsealable("the token was sealed with another secret key") from None

    def digest(self, token: SecretStr, payment_id: PaymentId) -> str:
        """Tells the tokens under one payment apart; of the same token under another payment nothing shows."""
        return self._mac("token", f"{payment_id} {token.get_secret_value()}".encode())

    def client_secret(self, subject_id: PaymentId | OrderId) -> str:
        """What lets a browser watch this one payment or order and nothing else; the same each time it is asked for."""
        return f"{subject_id}_secret_{self._mac('client', subject_id.encode())}"

    def fingerprint(self, content: Any) -> str:
        """Tells requests with different content apart without revealing it."""
        canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return self._mac("fingerprint", canonical.encode())

    def _derived(self, purpose: str) -> bytes:
        return hmac.digest(self._root, f"paygate {purpose}".encode(), hashlib.sha256)

    def _mac(self, purpose: str, message: bytes) -> str:
        digest = hmac.digest(self._derived(purpose), message, hashlib.sha256)
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")
