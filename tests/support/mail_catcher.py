"""A mail server that speaks SMTP and keeps what it gets."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, cast

from aiosmtpd.smtp import SMTP, Envelope, Session

from app.notifier.mail.server import MailServer

_PATIENCE_SECONDS = 30.0


@dataclass
class MailCatcher:
    """What it says of a recipient and of a mail may be set; else it takes everything."""

    port: int = 0
    says_of_recipient: str = "250 2.1.5 OK"
    says_of_mail: str = "250 2.0.0 taken"
    mails: asyncio.Queue[EmailMessage] = field(default_factory=asyncio.Queue)
    recipients: list[str] = field(default_factory=list)

    @property
    def address(self) -> MailServer:
        return MailServer.read(self.url)

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    async def caught(self) -> EmailMessage:
        """The next mail."""
        async with asyncio.timeout(_PATIENCE_SECONDS):
            return await self.mails.get()

    async def handle_RCPT(  # noqa: N802 — the library's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if self.says_of_recipient.startswith("2"):
            envelope.rcpt_tos.append(address)
            self.recipients.append(address)
        return self.says_of_recipient

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 — likewise
        if self.says_of_mail.startswith("2"):
            content = cast("bytes", envelope.original_content)
            self.mails.put_nowait(message_from_bytes(content, policy=policy.default))
        return self.says_of_mail


@asynccontextmanager
async def mail_catcher(catcher: MailCatcher | None = None, **says: Any) -> AsyncIterator[MailCatcher]:
    """A catcher that listens within the block; one that has listened before listens again where it did."""
    catcher = catcher or MailCatcher(**says)
    loop = asyncio.get_running_loop()

    def session() -> SMTP:
        return SMTP(catcher, hostname="mail.test", loop=loop)

    server = await loop.create_server(session, "127.0.0.1", catcher.port, reuse_port=True)
    catcher.port = server.sockets[0].getsockname()[1]
    try:
        yield catcher
    finally:
        server.close()
        await server.wait_closed()


@dataclass
class HangingServer:
    """Takes connections and says nothing."""

    port: int = 0
    connections: set[asyncio.StreamWriter] = field(default_factory=set)

    async def has_connections(self) -> bool:
        return bool(self.connections)


@contextmanager
def reserved_port() -> Iterator[int]:
    """A port where nobody listens but those of here, one after the other: in between, it refuses connections."""
    with socket.socket() as reserved:
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        reserved.bind(("127.0.0.1", 0))
        yield reserved.getsockname()[1]


@asynccontextmanager
async def hanging_mail_server(port: int = 0) -> AsyncIterator[HangingServer]:
    """Hangs within the block, and then breaks off."""
    hanging = HangingServer()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hanging.connections.add(writer)
        with suppress(ConnectionError):
            await reader.read()
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", port, reuse_port=True)
    hanging.port = server.sockets[0].getsockname()[1]
    try:
        yield hanging
    finally:
        server.close()
        for writer in hanging.connections:
            writer.close()
        await server.wait_closed()
