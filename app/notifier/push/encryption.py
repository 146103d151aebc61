"""A message that only the browser can read: RFC 8291, in one record of the `aes128gcm` content coding of RFC 8188.

The libraries for it are published as source alone, or bring an HTTP client of their own; the ciphers are
`cryptography`'s.
"""

import os

from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDH,
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app.notifier.push.subscription import PushSubscription

_RECORD_BYTES = 4_096
_KEY_BYTES, _NONCE_BYTES, _SALT_BYTES, _POINT_BYTES, _TAG_BYTES = 16, 12, 16, 65, 16
LARGEST_MESSAGE = _RECORD_BYTES - (_SALT_BYTES + 4 + 1 + _POINT_BYTES) - _TAG_BYTES - 1
"""Bytes: all that every push service takes (RFC 8030 asks for 4096), less what the encryption adds."""
_LAST_RECORD = b"\x02"


def encrypted(
    message: bytes,
    subscription: PushSubscription,
    *,
    salt: bytes | None = None,
    sender_key: EllipticCurvePrivateKey | None = None,
) -> bytes:
    """The body to send. Salt and key are made anew for each message, unless a test gives the RFC's."""
    salt = salt or os.urandom(_SALT_BYTES)
    sender_key = sender_key or generate_private_key(SECP256R1())
    point = public_point(sender_key)
    receiver = EllipticCurvePublicKey.from_encoded_point(SECP256R1(), subscription.public_key)
    shared = sender_key.exchange(ECDH(), receiver)
    info = b"WebPush: info\0" + subscription.public_key + point
    secret = _derived(shared, salt=subscription.secret, info=info, length=32)
    key = _derived(secret, salt=salt, info=b"Content-Encoding: aes128gcm\0", length=_KEY_BYTES)
    nonce = _derived(secret, salt=salt, info=b"Content-Encoding: nonce\0", length=_NONCE_BYTES)
    header = salt + _RECORD_BYTES.to_bytes(4, "big") + bytes([len(point)]) + point
    return header + AESGCM(key).encrypt(nonce, message + _LAST_RECORD, None)


def public_point(key: EllipticCurvePrivateKey) -> bytes:
    """The public key, as Web Push writes it."""
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def _derived(secret: bytes, *, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=salt, info=info).derive(secret)
