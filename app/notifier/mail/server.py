"""Which mail server, and how to log in there."""

from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import unquote, urlsplit

Encryption = Literal["offered", "demanded", "from the start"]

_SCHEMES: dict[str, tuple[Encryption, int]] = {
    "smtp": ("offered", 25),
    "smtp+starttls": ("demanded", 587),
    "smtps": ("from the start", 465),
}


@dataclass(frozen=True, slots=True)
class MailServer:
    """An SMTP server. `encryption`: as far as it is offered (STARTTLS), or not without, or TLS from the start."""

    host: str
    port: int
    encryption: Encryption
    username: str | None = None
    password: str | None = field(default=None, repr=False)

    @classmethod
    def read(cls, url: str) -> "MailServer":
        """From `smtp://`, `smtp+starttls://` or `smtps://` with user, password and port as need be.

        Raises `ValueError`, whose text holds nothing of the address.
        """
        try:
            parts = urlsplit(url)
            encryption, port = _SCHEMES[parts.scheme]
            host, port = parts.hostname or "", parts.port or port
        except (ValueError, KeyError):
            host = ""
        if not host:
            raise ValueError("takes smtp://host:port, smtp+starttls://user:password@host or smtps://user:password@host")
        username = unquote(parts.username) if parts.username else None
        return cls(host, port, encryption, username, unquote(parts.password) if parts.password else None)
