"""The certificates that PayPal signs webhooks with: fetched from where they may be, and believed only by their chain.

The address comes with the webhook, so anybody can write one: nothing is fetched from an origin that is not allowed,
and no redirect is followed. What was fetched is kept; its chain and its dates are checked each time.
"""

import asyncio
import warnings
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from urllib.parse import urlsplit

import httpx
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509 import Certificate, DNSName, load_der_x509_certificate, load_pem_x509_certificates
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from app.providers.http import open_http

FETCH_SECONDS = 5.0
LARGEST_CHAIN = 64 * 1024
"""Bytes."""
SIGNERS = ("messageverificationcerts.paypal.com", "messageverificationcerts.sandbox.paypal.com")
"""Whom a certificate has to be made out to: a good one of somebody else signs no webhook of PayPal."""

_KEPT = 16


class CertificateRefused(Exception):
    """Not to be believed, or not to be had."""


def is_allowed(url: str, origins: Iterable[str]) -> bool:
    """Whether the address is on an allowed origin, with neither credentials nor another port nor anything odd."""
    try:
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
    except ValueError:
        return False
    plain = url.isascii() and url.isprintable() and not set(url) & set(" \\#") and parts.path.startswith("/")
    return plain and origin in set(origins)


def authorities(pem: bytes | None) -> Store:
    """Whom certificates are to lead to: those in `pem`, or the public ones. Raises `ValueError` when there is none."""
    with warnings.catch_warnings():
        # Some public ones are older than the rules they break.
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        return Store(_public_authorities() if pem is None else load_pem_x509_certificates(pem))


def _public_authorities() -> list[Certificate]:
    # The authorities that every call to PayPal is checked against as well.
    context = httpx.create_ssl_context(trust_env=False)
    return [load_der_x509_certificate(found) for found in context.get_ca_certs(binary_form=True)]


def signing_key(chain: Sequence[Certificate], store: Store, now: datetime) -> RSAPublicKey:
    """The key of the chain's first certificate; raises `CertificateRefused` unless it is PayPal's and valid now."""
    leaf, *between = chain
    for name in SIGNERS:
        verifier = PolicyBuilder().store(store).time(now).build_server_verifier(DNSName(name))
        try:
            verifier.verify(leaf, between)
        except (VerificationError, ValueError, UnsupportedAlgorithm):
            continue
        key = leaf.public_key()
        if isinstance(key, RSAPublicKey):
            return key
    raise CertificateRefused("no valid certificate of PayPal's")


class Certificates:
    """Fetches and keeps chains; made by `open_certificates`."""

    def __init__(self, client: httpx.AsyncClient, origins: Iterable[str], store: Store) -> None:
        self._client = client
        self._origins = frozenset(origins)
        self._store = store
        self._chains: dict[str, list[Certificate]] = {}
        self._fetching = asyncio.Lock()

    async def key(self, url: str, now: datetime) -> RSAPublicKey:
        """The key of the certificate at `url`; raises `CertificateRefused`."""
        if not is_allowed(url, self._origins):
            raise CertificateRefused("not a place that certificates are fetched from")
        return signing_key(await self._chain(url), self._store, now)

    async def _chain(self, url: str) -> list[Certificate]:
        if url in self._chains:
            return self._chains[url]
        async with self._fetching:  # one at a time, whoever asks and however often
            if url not in self._chains:
                found = _read(await self._fetch(url))
                if len(self._chains) >= _KEPT:
                    self._chains.pop(next(iter(self._chains)))
                self._chains[url] = found
            return self._chains[url]

    async def _fetch(self, url: str) -> bytes:
        found = bytearray()
        try:
            async with asyncio.timeout(FETCH_SECONDS), self._client.stream("GET", url) as response:
                if response.status_code != httpx.codes.OK:
                    raise CertificateRefused(f"answered {response.status_code}")
                async for chunk in response.aiter_bytes():
                    found += chunk
                    if len(found) > LARGEST_CHAIN:
                        raise CertificateRefused("larger than any certificate")
        except (TimeoutError, httpx.RequestError) as error:
            raise CertificateRefused(type(error).__name__) from None
        return bytes(found)


def _read(pem: bytes) -> list[Certificate]:
    try:
        return load_pem_x509_certificates(pem)
    except (ValueError, UnsupportedAlgorithm):
        raise CertificateRefused("no certificate") from None


@asynccontextmanager
async def open_certificates(origins: Iterable[str], store: Store) -> AsyncIterator[Certificates]:
    """Certificates from `origins` that lead to the authorities in `store`."""
    async with open_http("") as client:
        yield Certificates(client, origins, store)
