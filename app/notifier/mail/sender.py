"""Hands a message to the mail server."""

import asyncio
import contextlib
import re
import socket
from dataclasses import dataclass, field
from email.message import EmailMessage

import aiosmtplib

from app.notifier.customers.directory import Customer
from app.notifier.customers.text import text_of
from app.notifier.mail.letter import letter
from app.notifier.mail.server import MailServer
from app.notifier.port import Gone, Message, NotSent, Outcome, Sent

MAIL_SECONDS = 30.0
"""How long one attempt takes at most."""
_AT_ONCE = 8
_GOODBYE_SECONDS = 2.0
_PERMANENT = 500
# RFC 3463: 5.7 is about what we may do, and says nothing of the recipient.
_OUR_FAULT = re.compile(r"^5\.7\.")
_ENHANCED = re.compile(r"^[245]\.\d{1,3}\.\d{1,3}")


@dataclass(frozen=True)
class MailSender:
    """Mails come from `sender`, an address with or without a name, over `at_once` connections.

    `seconds` is how long one attempt takes at most.
    """

    server: MailServer
    sender: str
    public_url: str
    seconds: float = MAIL_SECONDS
    at_once: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))

    async def send(self, message: Message, target: Customer) -> Outcome:
        """See `app.notifier.port.Sender`.

        No outcome holds anything of the address, nor of the server's own words, which may repeat it.
        """
        text = text_of(message.type, message.view, target.locale, self.public_url)
        mail = letter(message, text, self.sender, target.address.get_secret_value())
        async with self.at_once:
            return await self._hand_over(mail)

    async def _hand_over(self, mail: EmailMessage) -> Outcome:
        client = self._client()
        try:
            async with asyncio.timeout(self.seconds):
                await client.connect()
                outcome = await _handed_over(client, mail)
            # The server has decided by now, whatever becomes of the goodbye.
            with contextlib.suppress(aiosmtplib.SMTPException, OSError, TimeoutError):
                await client.quit(timeout=_GOODBYE_SECONDS)
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as fault:
            return NotSent(_said_by(fault))
        else:
            return outcome
        finally:
            client.close()

    def _client(self) -> aiosmtplib.SMTP:
        return aiosmtplib.SMTP(
            hostname=self.server.host,
            port=self.server.port,
            username=self.server.username,
            password=self.server.password,
            use_tls=self.server.encryption == "from the start",
            start_tls={"offered": None, "demanded": True, "from the start": False}[self.server.encryption],
            timeout=self.seconds,
            # Else it is asked of the name service, with everything waiting.
            local_hostname=socket.gethostname(),
        )


async def _handed_over(client: aiosmtplib.SMTP, mail: EmailMessage) -> Outcome:
    try:
        _, said = await client.send_message(mail)
    except aiosmtplib.SMTPRecipientsRefused as refusal:
        return _refused(refusal.recipients[0])
    return Sent(f"SMTP 250 {_enhanced(said)}".strip())


def _refused(refusal: aiosmtplib.SMTPRecipientRefused) -> Outcome:
    said = _said_by(refusal)
    if refusal.code >= _PERMANENT and not _OUR_FAULT.match(refusal.message):
        return Gone(said)
    return NotSent(said)


def _said_by(fault: Exception) -> str:
    if isinstance(fault, aiosmtplib.SMTPResponseException):
        return f"SMTP {fault.code} {_enhanced(fault.message)}".strip()
    return type(fault).__name__


def _enhanced(said: str) -> str:
    code = _ENHANCED.match(said)
    return code.group() if code else ""
