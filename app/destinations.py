"""Which addresses may be called because somebody outside named them, and the one to connect to.

Whoever may name an address can name one of ours: the event store's, a cloud's metadata service, whatever this machine
reaches and the world does not (SSRF). So a name is resolved here, every address it has must be a public one, and the
connection is made to the address that was checked, since a name may have another address a moment later.
"""

import asyncio
import ipaddress
import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from threading import Thread
from urllib.parse import urlsplit

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses that a host's name stands for, as text; raises `OSError`."""

LOOPBACK: tuple[IPNetwork, ...] = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))

_LONGEST = 2048
_NOT_IN_A_URL = re.compile(r"[^\x21-\x7e]|[\\^`{|}<>\"]")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
# By the URL standard a host whose last label is a number is an address, in one of many spellings.
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_IPV4_COMPATIBLE = ipaddress.ip_network("::/96")
_NEVER_PUBLIC: tuple[IPNetwork, ...] = (
    ipaddress.ip_network("64:ff9b:1::/48"),  # NAT64 within a network
    ipaddress.ip_network("2001::/32"),  # Teredo, which leads wherever its lower bits say
    ipaddress.ip_network("192.88.99.0/24"),  # relays of 6to4
)
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class NotAllowed(Exception):
    """An address that is not called. `code` is for programs; the message says what is wrong, to whoever named it."""

    code: str
    message: str

    def __str__(self) -> str:
        return self.message


class NotFound(Exception):
    """The name has no address at present, or nobody can say."""


@dataclass(frozen=True, slots=True)
class Destination:
    """A URL that may be called, and the addresses to connect to, as they were checked."""

    scheme: str
    host: str
    port: int
    path: str
    addresses: tuple[IPAddress, ...]

    @property
    def host_header(self) -> str:
        """What the `Host` header says."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == _PORTS[self.scheme] else f"{name}:{self.port}"

    def url_at(self, address: IPAddress) -> str:
        """The URL with the address in place of the name."""
        name = f"[{address}]" if address.version == 6 else str(address)
        return f"{self.scheme}://{name}:{self.port}{self.path}"


class SystemResolver:
    """Finds the addresses of hosts as the operating system does, the best first; raises `OSError`.

    A name server that does not answer keeps a thread for as long as the system waits for it. So a host has one thread
    however many ask for it, and threads are the look-ups' own; they hold up neither other work nor the process's end.
    """

    def __init__(self, at_once: int = 64) -> None:
        self._at_once = asyncio.Semaphore(at_once)
        self._running: dict[tuple[str, int], asyncio.Task[list[str]]] = {}

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        """See `Resolve`."""
        task = self._running.get((host, port))
        if task is None:
            task = asyncio.create_task(self._look_up(host, port))
            self._running[host, port] = task
            task.add_done_callback(lambda done: self._forget((host, port), done))
        # Whoever has waited long enough leaves the others waiting.
        return await asyncio.shield(task)

    async def _look_up(self, host: str, port: int) -> list[str]:
        async with self._at_once:
            loop = asyncio.get_running_loop()
            found: asyncio.Future[list[str]] = loop.create_future()
            Thread(target=_ask_system, args=(host, port, loop, found), name=f"look up {host}", daemon=True).start()
            return await found

    def _forget(self, key: tuple[str, int], done: asyncio.Task[list[str]]) -> None:
        del self._running[key]
        if not done.cancelled():
            done.exception()


def _ask_system(host: str, port: int, loop: asyncio.AbstractEventLoop, found: "asyncio.Future[list[str]]") -> None:
    try:
        answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        tell: Callable[[], None] = partial(_settle, found, list(dict.fromkeys(str(where[0]) for *_, where in answers)))
    except (OSError, UnicodeError) as fault:
        tell = partial(_settle, found, OSError(str(fault)))
    with suppress(RuntimeError):  # the loop is closed: nobody asks any more
        loop.call_soon_threadsafe(tell)


def _settle(found: "asyncio.Future[list[str]]", answer: list[str] | OSError) -> None:
    if found.done():
        return
    if isinstance(answer, OSError):
        found.set_exception(answer)
    else:
        found.set_result(answer)


@dataclass(frozen=True)
class Destinations:
    """What may be called: public addresses by https; those in `networks`, of ours, by http too.

    `http`: public addresses too may be called by http, as on a laptop.
    """

    networks: tuple[IPNetwork, ...] = ()
    http: bool = False
    resolve: Resolve = field(default_factory=SystemResolver, repr=False)
    seconds: float = 3.0
    """How long a name may take to be resolved."""

    async def check(self, url: str) -> Destination:
        """Where the URL leads. Raises `NotAllowed`, and `NotFound` when its name has no address now."""
        scheme, host, port, path = _parsed(url)
        addresses = tuple(_address(text) for text in await self._resolved(host, port))
        if not addresses:
            raise NotFound(f"{host} has no address")
        for address in addresses:
            if not self._is_ours(address) and not is_public(address):
                raise NotAllowed("address_not_public", f"{host} is not on the public internet")
        if scheme == "http" and not self.http and not all(map(self._is_ours, addresses)):
            raise NotAllowed("https_required", "takes an https address")
        return Destination(scheme, host, port, path, addresses)

    async def _resolved(self, host: str, port: int) -> Sequence[str]:
        if ":" in host or _NUMBER.fullmatch(host.rpartition(".")[2]):
            return [host]
        try:
            async with asyncio.timeout(self.seconds):
                return await self.resolve(host, port)
        except OSError:
            # A time-out is an OSError too.
            raise NotFound(f"{host} cannot be found") from None

    def _is_ours(self, address: IPAddress) -> bool:
        return any(_unwrapped(address) in network for network in self.networks)


def is_public(address: IPAddress) -> bool:
    """Whether the address is one machine's on the public internet, whatever other address it may carry inside."""
    inner = _unwrapped(address)
    if any(each in network for each in (address, inner) for network in _NEVER_PUBLIC):
        return False
    return inner.is_global and not (
        inner.is_multicast
        or inner.is_reserved
        or inner.is_loopback
        or inner.is_link_local
        or inner.is_unspecified
        or (isinstance(inner, ipaddress.IPv6Address) and inner.is_site_local)
    )


def _unwrapped(address: IPAddress) -> IPAddress:
    """The IPv4 address that an IPv6 address carries, if it does; some machine translates it back."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address in _NAT64 or (address in _IPV4_COMPATIBLE and int(address) > 1):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _parsed(url: str) -> tuple[str, str, int, str]:
    """Scheme, host, port and path with query, read strictly, so that no other reader finds another host in it."""
    if len(url) > _LONGEST or _NOT_IN_A_URL.search(url):
        raise NotAllowed("invalid_url", f"takes a URL of at most {_LONGEST} ASCII characters")
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").removesuffix("."), parts.port
    except ValueError:
        raise NotAllowed("invalid_url", "takes a URL, such as https://shop.example/webhooks") from None
    scheme = parts.scheme
    if scheme not in _PORTS:
        raise NotAllowed("invalid_url", "takes an https address")
    if "@" in parts.netloc:
        raise NotAllowed("invalid_url", "takes no user and password")
    if "#" in url:
        raise NotAllowed("invalid_url", "takes no fragment")
    if port == 0 or not _is_host(host):
        raise NotAllowed("invalid_url", "takes a host's name or its address in the usual spelling")
    path = parts.path or "/"
    return scheme, host, port or _PORTS[scheme], f"{path}?{parts.query}" if parts.query else path


def _is_host(host: str) -> bool:
    labels = host.split(".")
    if ":" in host or _NUMBER.fullmatch(labels[-1]):
        try:
            # One spelling only: no octal, no hexadecimal, no shorter forms, no zones.
            return "%" not in host and bool(ipaddress.ip_address(host))
        except ValueError:
            return False
    return len(host) <= 253 and all(_LABEL.fullmatch(label) for label in labels)


def _address(text: str) -> IPAddress:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        # A zone names one of this machine's own interfaces.
        raise NotAllowed("address_not_public", "is not on the public internet") from None
