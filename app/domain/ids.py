"""Identifiers, and how they derive from one another.

A payment's id is a function of the merchant and its idempotency key, so that the stream itself is the idempotency
record: whoever repeats a request arrives at the same stream and finds it taken.
"""

import base64
import hashlib
import re
from typing import NewType

PaymentId = NewType("PaymentId", str)
OrderId = NewType("OrderId", str)
MerchantId = NewType("MerchantId", str)
RefundId = NewType("RefundId", str)

ID_GRAMMAR = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""What an id given by a caller may look like; anything else cannot name a stream."""


def payment_id_for(merchant_id: MerchantId, idempotency_key: str) -> PaymentId:
    """The one payment that this merchant's idempotency key stands for."""
    return PaymentId(f"pay_{_digest('payment', merchant_id, idempotency_key)}")


def order_id_for(merchant_id: MerchantId, idempotency_key: str) -> OrderId:
    """The one order that this merchant's idempotency key stands for."""
    return OrderId(f"ord_{_digest('order', merchant_id, idempotency_key)}")


def is_order_id(text: str) -> bool:
    """Whether it may be the id of an order placed here; merchants may have ids of their own that look the same."""
    return text.startswith("ord_")


def refund_id_for(payment_id: PaymentId, idempotency_key: str) -> RefundId:
    """The one refund of a payment that an idempotency key stands for."""
    return RefundId(f"ref_{_digest('refund', payment_id, idempotency_key)}")


def endpoint_id_from(random: bytes) -> str:
    """The id of a new webhook endpoint, from bytes that nobody else has."""
    return f"we_{base64.b32encode(random).decode().lower().rstrip('=')}"


def message_id_for(target_id: str, subject: str, version: int) -> str:
    """The id of the one message that tells a target of one change of a payment or order, however often it is sent."""
    return f"msg_{_digest('message', target_id, subject, str(version))}"


def provider_key(payment_id: PaymentId, operation: str, discriminator: str = "1") -> str:
    """The idempotency key a provider gets for one operation on a payment; the same however often the call is tried."""
    return f"{payment_id}.{operation.lower()}.{discriminator}"


def _digest(*parts: str) -> str:
    # Lengths keep ("ab", "c") and ("a", "bc") apart.
    text = "".join(f"{len(part)}:{part}" for part in parts)
    return base64.b32encode(hashlib.sha256(text.encode()).digest()[:20]).decode().lower()
