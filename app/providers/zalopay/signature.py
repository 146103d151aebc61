"""ZaloPay's signatures (`mac`): HMAC-SHA256 in hex over fields joined with `|`.

`key1` signs what is sent to ZaloPay. `key2` signs what ZaloPay sends: of a callback the text of `data` as it came.
"""

import hashlib
import hmac


def joined(*fields: object) -> str:
    """The text a mac is made over."""
    return "|".join(map(str, fields))


def sign(key: str, text: str) -> str:
    """The mac, in lower-case hex."""
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()


def is_signed(key: str, text: str, mac: str) -> bool:
    """Whether a mac is the text's; compared in constant time, upper case is as good as lower."""
    return hmac.compare_digest(sign(key, text).encode(), mac.lower().encode("utf-8", "replace"))
