"""Secrets derived from the one secret key: sealed tokens and addresses, client secrets, fingerprints and digests."""

import base64
import hashlib
import hmac
import json
from typing import Any

from cryptography.fernet import Fernet, InvalidToken
from pydantic import SecretStr

from app.domain.ids import OrderId, PaymentId

PAYMENT_TOKENS = "seal"
"""What payment tokens are sealed for."""
WEBHOOK_SECRETS = "webhook secret"
"""What the secrets of merchants' webhook endpoints are sealed for."""
CUSTOMER_ADDRESSES = "customer address"
"""What mail addresses and push subscriptions of customers are sealed for."""


class Unsealable(Exception):
    """A sealed value that this secret key did not seal."""


class Vault:
    """Each use has a key of its own, so that no value made for one passes for another."""

    def __init__(self, secret_key: SecretStr) -> None:
        self._root = secret_key.get_secret_value().encode()
        self._seals: dict[str, Fernet] = {}

    def seal(self, secret: SecretStr, use: str = PAYMENT_TOKENS) -> str:
        """A secret as it is stored: encrypted and authenticated."""
        return self._seal(use).encrypt(secret.get_secret_value().encode()).decode()

    def unseal(self, sealed: str, use: str = PAYMENT_TOKENS) -> SecretStr:
        """The secret again; raises `Unsealable`."""
        try:
            return SecretStr(self._seal(use).decrypt(sealed).decode())
        except (InvalidToken, ValueError):
            raise Unsealable("it was sealed with another secret key, or for another use") from None

    def address_digest(self, address: SecretStr, subject: str, *more: str) -> str:
        """Tells the addresses under one payment or order apart; under another one, the same address shows nothing."""
        return self._mac("address", json.dumps([subject, address.get_secret_value(), *more]).encode())

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

    def _seal(self, use: str) -> Fernet:
        if use not in self._seals:
            self._seals[use] = Fernet(base64.urlsafe_b64encode(self._derived(use)))
        return self._seals[use]

    def _derived(self, purpose: str) -> bytes:
        return hmac.digest(self._root, f"paygate {purpose}".encode(), hashlib.sha256)

    def _mac(self, purpose: str, message: bytes) -> str:
        digest = hmac.digest(self._derived(purpose), message, hashlib.sha256)
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")
