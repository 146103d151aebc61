"""Mail, to a server that speaks SMTP."""

import pytest
from pydantic import SecretStr

from app.notifier.customers.directory import Customer
from app.notifier.mail.sender import MailSender
from app.notifier.mail.server import MailServer
from app.notifier.port import Gone, NotSent, Outcome, Sent
from tests.support.mail_catcher import hanging_mail_server, mail_catcher, reserved_port
from tests.unit.notifier.views import TOLD, message

FROM = "Shop <pay@shop.test>"


async def sent(server: MailServer, *, seconds: float = 30.0) -> Outcome:
    sender = MailSender(server, FROM, "https://pay.test", seconds)
    return await sender.send(message(TOLD["succeeded"]), Customer(SecretStr("an@example.com"), "vi"))


async def test_the_server_gets_the_mail() -> None:
    async with mail_catcher() as catcher:
        assert await sent(catcher.address) == Sent("SMTP 250 2.0.0")
        mail = await catcher.caught()
        assert catcher.recipients == ["an@example.com"]
        assert mail["Subject"] == "Thanh toán 200.000\N{NO-BREAK SPACE}₫ thành công"
        assert mail["Message-ID"] == f"<{message().id}@shop.test>"
        body = mail.get_body(("plain",))
        assert body is not None
        assert "đã nhận được khoản thanh toán" in body.get_content()


@pytest.mark.parametrize(
    ("says", "outcome"),
    [
        ("550 5.1.1 no such user an@example.com", Gone("SMTP 550 5.1.1")),
        ("553 mailbox name not allowed", Gone("SMTP 553")),
        ("550 5.7.1 an@example.com: relaying denied", NotSent("SMTP 550 5.7.1")),
        ("450 4.2.1 an@example.com: try later", NotSent("SMTP 450 4.2.1")),
    ],
)
async def test_a_recipient_who_is_no_more_is_gone_and_others_are_tried_again(says: str, outcome: Outcome) -> None:
    async with mail_catcher(says_of_recipient=says) as catcher:
        assert await sent(catcher.address) == outcome
        assert catcher.mails.empty()


@pytest.mark.parametrize("says", ["451 4.3.0 an@example.com: later", "552 5.3.4 too big", "554 no"])
async def test_a_mail_that_is_not_taken_is_tried_again(says: str) -> None:
    async with mail_catcher(says_of_mail=says) as catcher:
        outcome = await sent(catcher.address)
    assert isinstance(outcome, NotSent)
    assert outcome.reason.startswith(f"SMTP {says[:3]}")
    assert "example.com" not in outcome.reason


async def test_a_server_that_is_down_or_hangs_is_tried_again() -> None:
    with reserved_port() as port:
        server = MailServer.read(f"smtp://127.0.0.1:{port}")
        async with hanging_mail_server(port):
            assert isinstance(await sent(server, seconds=0.2), NotSent)
        assert await sent(server) == NotSent("SMTPConnectError")


async def test_a_server_that_does_not_encrypt_gets_nothing_when_that_is_demanded() -> None:
    async with mail_catcher() as catcher:
        outcome = await sent(MailServer.read(f"smtp+starttls://user:secret@127.0.0.1:{catcher.port}"))
        assert outcome == NotSent("SMTPException")
        assert catcher.mails.empty()


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://localhost", MailServer("localhost", 25, "offered")),
        ("smtp://[::1]:2525", MailServer("::1", 2525, "offered")),
        ("smtp+starttls://mail.test", MailServer("mail.test", 587, "demanded")),
        ("smtps://me%40shop:p%3Aw@mail.test", MailServer("mail.test", 465, "from the start", "me@shop", "p:w")),
    ],
)
def test_an_address_of_a_mail_server_is_read(url: str, server: MailServer) -> None:
    assert MailServer.read(url) == server
    assert "p:w" not in repr(server)


@pytest.mark.parametrize("url", ["", "mail.test", "http://mail.test", "smtp://", "smtp://mail.test:port"])
def test_what_is_no_mail_server_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="takes smtp://"):
        MailServer.read(url)
