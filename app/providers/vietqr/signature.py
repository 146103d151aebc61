"""What the feeds sign, and whether they have signed it. Pure; every comparison takes the same time."""

import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Mapping
from itertools import product

from pydantic import JsonValue

_PAYOS_EMPTY = (None, "null", "undefined")


def payos_text(data: Mapping[str, JsonValue]) -> str:
    """What payOS signs: all fields by name, whichever there are, so that a new one is signed too."""
    return "&".join(f"{name}={_payos_value(data[name])}" for name in sorted(data))


def payos_signature(key: str, text: str) -> str:
    """payOS: HMAC-SHA256 in hexadecimal."""
    return hmac.new(key.encode(), _bytes(text), hashlib.sha256).hexdigest()


def sepay_signature(secret: str, timestamp: str, body: bytes) -> str:
    """SePay: HMAC-SHA256 in hexadecimal over the time stamp, a dot and the body as it came."""
    return hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()


def casso_signatures(key: str, timestamp: str, body: JsonValue) -> Iterator[str]:
    """Casso: HMAC-SHA512 in hexadecimal over the time stamp, a dot and the body written anew, its fields by name.

    Whether it escapes what is not ASCII, and slashes, is not published: each way that it may be written is signed.
    """
    for ascii_only, slashes in product((False, True), (False, True)):
        text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=ascii_only)
        signed = f"{timestamp}." + (text.replace("/", "\\/") if slashes else text)
        yield hmac.new(key.encode(), _bytes(signed), hashlib.sha512).hexdigest()


def same(expected: str, given: str) -> bool:
    """Whether two secrets, or two signatures, are the same."""
    return hmac.compare_digest(_bytes(expected), _bytes(given))


def same_hexadecimal(expected: str, given: str) -> bool:
    """Whether two signatures are the same; upper-case digits are the same digits."""
    return re.fullmatch(r"[0-9A-Fa-f]+", given) is not None and same(expected.lower(), given.lower())


def _bytes(text: str) -> bytes:
    # JSON may hold half a character, which UTF-8 has no form for: such a text is signed by nobody.
    return text.encode(errors="surrogatepass")


def _payos_value(value: JsonValue) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        by_name = [dict(sorted(each.items())) if isinstance(each, dict) else each for each in value]
        return _compact(by_name)
    if isinstance(value, dict):
        return _compact(value)
    return "" if value in _PAYOS_EMPTY else str(value)


def _compact(value: JsonValue) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
