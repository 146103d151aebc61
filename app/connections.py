"""Connections to servers of others: httpx's own, with a fault that they do not name."""

import ssl
from functools import cache

import httpx


@cache
def usual_certificates() -> ssl.SSLContext:
    """Trust in whom httpx trusts, for `verify`.

    Made once for all clients: to load these certificates takes longer than all the rest of a client's start.
    """
    return httpx.create_ssl_context(trust_env=False)


class Transport(httpx.AsyncHTTPTransport):
    """Under uvloop a connection that ends as soon as it stands has no socket left, which anyio then asks for its peer.

    What comes of it is no fault of ours but one of the connection: httpx's callers have to meet it as such.
    """

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """See httpx. Raises `httpx.TransportError`."""
        try:
            return await super().handle_async_request(request)
        except AttributeError as fault:
            if fault.obj is not None:
                raise
            raise httpx.ConnectError("the connection ended as soon as it stood", request=request) from fault
