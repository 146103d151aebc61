"""How a transport learns who is asking."""

from collections.abc import Awaitable, Callable

from starlette.requests import HTTPConnection

from app.access.model import Caller

Identify = Callable[[HTTPConnection], Awaitable[Caller]]
"""The caller behind a request; raises `Unauthenticated`."""
