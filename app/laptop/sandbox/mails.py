"""Where mails end up on a laptop: a mail server that delivers to nobody, and a page that shows what it got."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from html import escape
from typing import cast

from aiosmtpd.smtp import SMTP, Envelope, Session
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.laptop.sandbox.pages import page

_KEPT = 100

# At INFO it writes every address it hears.
logging.getLogger("mail.log").setLevel(logging.WARNING)


@dataclass(frozen=True)
class PostOffice:
    """The last mails, the newest first, as long as the process runs."""

    mails: deque[EmailMessage] = field(default_factory=lambda: deque(maxlen=_KEPT))

    @property
    def routes(self) -> list[Route]:
        """The page with the mails."""
        return [Route("/mails", self.show, methods=["GET"])]

    async def show(self, _: Request) -> Response:
        """All of them, as text."""
        shown = "".join(_shown(mail) for mail in self.mails)
        return page("Mails", shown or "<p>None yet.</p>")

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 — aiosmtpd's
        """Keep a mail; what aiosmtpd calls."""
        content = cast("bytes", envelope.original_content)
        self.mails.appendleft(message_from_bytes(content, policy=policy.default))
        return "250 2.0.0 kept"

    @asynccontextmanager
    async def open(self, host: str, port: int) -> AsyncGenerator[None, None]:
        """Take mails within the block. Raises `OSError` when the port is taken."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: SMTP(self, hostname="sandbox", loop=loop), host, port)
        try:
            yield
        finally:
            server.close()
            await server.wait_closed()


def _shown(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    text = body.get_content() if body is not None else ""
    return f"<h2>{escape(mail['Subject'] or '')}</h2><p>{escape(mail['To'] or '')}</p><p>{_with_breaks(text)}</p><hr>"


def _with_breaks(text: str) -> str:
    return "<br>".join(escape(line) for line in text.strip().splitlines())
