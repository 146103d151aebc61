"""One call to an address that somebody outside named: to where it was checked to lead, and of no more than a size."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx

from app.destinations import Destination, IPAddress

LARGEST_ANSWER = 64 * 1024
"""Bytes of an answer that are read; then the connection is closed."""

REST_SECONDS = 1.0
"""How long the rest of an answer is waited for when its status is known."""
_CONNECT_SECONDS = 2.0


async def post(
    transport: httpx.AsyncBaseTransport, destination: Destination, headers: Mapping[str, str], body: bytes
) -> httpx.Response:
    """The answer, without its body. Raises `httpx.TransportError`."""
    *others, last = destination.addresses
    for address in others:
        try:
            return await _post_to(address, transport, destination, headers, body)
        except (httpx.ConnectError, httpx.ConnectTimeout):
            # Nothing was sent: the name has another address.
            continue
    return await _post_to(last, transport, destination, headers, body)


def retry_after(value: str | None, now: datetime) -> timedelta | None:
    """How long the header asks not to be called: seconds or a date; None when it says neither."""
    if value is None:
        return None
    if value.isascii() and value.isdigit():
        return timedelta(seconds=min(int(value[:10]), 10**9))
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    return (date if date.tzinfo else date.replace(tzinfo=UTC)) - now


async def _post_to(
    address: IPAddress,
    transport: httpx.AsyncBaseTransport,
    destination: Destination,
    headers: Mapping[str, str],
    body: bytes,
) -> httpx.Response:
    request = httpx.Request(
        "POST",
        destination.url_at(address),
        headers={"host": destination.host_header, **headers},
        content=body,
        # The certificate has to be the name's, although the connection is the address's.
        extensions={"sni_hostname": destination.host, "timeout": {"connect": _CONNECT_SECONDS}},
    )
    response = await transport.handle_async_request(request)
    try:
        # What it has said by its status stands, whatever becomes of the rest.
        with suppress(TimeoutError, httpx.TransportError):
            async with asyncio.timeout(REST_SECONDS):
                await _read(response)
    finally:
        await response.aclose()
    return response


async def _read(response: httpx.Response) -> None:
    """Let the other side say what it has to say, within bounds: some take a connection closed too soon for a fault."""
    size = 0
    async for chunk in response.aiter_raw():
        size += len(chunk)
        if size >= LARGEST_ANSWER:
            return
