"""MoMo's result codes, sorted by what they mean for the money."""

from collections.abc import Mapping

SUCCESS = 0
HELD = 9000
WAITING = 1000
NOT_FOUND = 42
MAYBE_REFUNDED = 1081

UNDER_WAY = frozenset({7000, 7002})
USED_BEFORE = frozenset({40, 41, 43})
"""The request, the order or one like it is known already: it may be our own earlier call."""
CALLED_OFF = frozenset({1003, 1006, 1017})
EXPIRED = frozenset({1005})
NO_WORD = frozenset({10, 98, 99})
"""Maintenance, or MoMo does not know either: nothing follows from it, unless a query says so again (98, 99)."""

REFUSALS: Mapping[int, str] = {
    98: "qr_not_made",
    99: "unknown_error",
    1001: "insufficient_funds",
    1002: "issuer_declined",
    1004: "limit_exceeded",
    1007: "account_inactive",
    1026: "promotion_not_applicable",
    1080: "refund_failed_for_now",
    1081: "refund_refused",
    1088: "refund_not_eligible",
    4001: "account_restricted",
    4002: "account_unverified",
    4100: "login_failed",
}
"""Definite: of the payment, or of the refund."""
RETRYABLE = frozenset({1080, 4100})

OUR_FAULT: Mapping[int, str] = {
    11: "access_denied",
    12: "version_not_supported",
    13: "signature_refused",
    20: "request_malformed",
    21: "amount_invalid",
    22: "amount_out_of_range",
    45: "duplicate_item",
    47: "not_applicable",
    2019: "order_group_invalid",
}
"""What we sent was turned down as it came; says nothing of what was sent before."""
