"""A laptop's mail server: it delivers to nobody and shows what it got."""

import asyncio
from email.message import EmailMessage
from pathlib import Path

import aiosmtplib
import httpx
import pytest

from app.laptop.ports import free_ports
from app.laptop.sandbox.server import SandboxOptions, serve
from tests.support.plain_http import NO_CERTIFICATES


def mail(subject: str) -> EmailMessage:
    written = EmailMessage()
    written["From"], written["To"], written["Subject"] = "pay@shop.test", "an@example.com", subject
    written.set_content("đã nhận được\n<b>200.000 ₫</b>")
    written.add_alternative("<p>the same</p>", subtype="html")
    return written


async def test_mails_are_shown_as_text_the_newest_first(tmp_path: Path) -> None:
    listening: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    (mail_port,) = free_ports(1)
    options = SandboxOptions(tmp_path, port=0, mail_port=mail_port)
    serving = asyncio.create_task(serve(options, ready=listening.set_result))
    address = f"http://127.0.0.1:{await listening}/mails"
    async with httpx.AsyncClient(trust_env=False, verify=NO_CERTIFICATES) as client:
        assert "None yet." in (await client.get(address)).text
        for subject in ("first", "second & last"):
            await aiosmtplib.send(mail(subject), hostname="127.0.0.1", port=mail_port, local_hostname="test")
        page = (await client.get(address)).text
    assert page.index("second &amp; last") < page.index("first")
    assert "đã nhận được<br>&lt;b&gt;200.000 ₫&lt;/b&gt;" in page
    assert "an@example.com" in page
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
