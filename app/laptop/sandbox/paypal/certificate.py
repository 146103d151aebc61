"""The certificate that the pretend PayPal signs with, and the authority that it leads to.

The authority's key follows from this file, so that everybody can make it and nobody may rely on it; a paygate believes
it only when told to. The signing key is made once and kept with the ledger.
"""

import base64
import binascii
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from app.laptop.sandbox.books import Books

SIGNER = "messageverificationcerts.sandbox.paypal.com"
_AUTHORITY_KEY = ec.derive_private_key(int.from_bytes(b"paygate sandbox: nobody's key"), ec.SECP256R1())
_AUTHORITY = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "paygate sandbox, not to be trusted")])
_LIFE = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class SigningCertificate:
    """A key and the chain that makes it believable, both PEM; `name` is the last part of the chain's address."""

    name: str
    key: str
    chain: str

    def sign(self, message: bytes) -> str:
        """Base64 of the message's signature."""
        return base64.b64encode(_read(self.key).sign(message, padding.PKCS1v15(), SHA256())).decode()


@cache
def _read(key: str) -> rsa.RSAPrivateKey:
    # Read once: to see whether a key is sound takes longer than to sign with it.
    read = load_pem_private_key(key.encode(), None)
    if not isinstance(read, rsa.RSAPrivateKey):
        raise TypeError("the kept key is not RSA")
    return read


def signed_headers(
    certificate: SigningCertificate, url: str, webhook_id: str, transmission_id: str, at: datetime, body: bytes
) -> dict[str, str]:
    """The headers a webhook is sent with."""
    time = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    message = f"{transmission_id}|{time}|{webhook_id}|{binascii.crc32(body)}"
    return {
        "Content-Type": "application/json",
        "PAYPAL-TRANSMISSION-ID": transmission_id,
        "PAYPAL-TRANSMISSION-TIME": time,
        "PAYPAL-TRANSMISSION-SIG": certificate.sign(message.encode()),
        "PAYPAL-CERT-URL": url,
        "PAYPAL-AUTH-ALGO": "SHA256withRSA",
    }


def authority_pem() -> str:
    """The authority's certificate, the same wherever it is made."""
    public = _AUTHORITY_KEY.public_key()
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    builder = (
        _builder(_AUTHORITY, public, datetime(2025, 1, 1, tzinfo=UTC), datetime(2050, 1, 1, tzinfo=UTC), serial=1)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(usage, critical=True)
    )
    certificate = builder.sign(_AUTHORITY_KEY, SHA256(), ecdsa_deterministic=True)
    return certificate.public_bytes(Encoding.PEM).decode()


def issued(now: datetime, signer: str = SIGNER) -> SigningCertificate:
    """A new key, certified from an hour ago for a year."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, signer)])
    builder = (
        _builder(subject, key.public_key(), now - timedelta(hours=1), now + _LIFE, x509.random_serial_number())
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(signer)]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(_AUTHORITY_KEY.public_key()), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    )
    certificate = builder.sign(_AUTHORITY_KEY, SHA256())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    chain = certificate.public_bytes(Encoding.PEM).decode() + authority_pem()
    return SigningCertificate(f"CERT-{certificate.serial_number:x}", private.decode(), chain)


def kept(books: Books) -> SigningCertificate:
    """The certificate in use, made when there is none."""
    found = books.papers("paypal", "certificate")
    now = books.now()
    if found and datetime.fromisoformat(found[-1]["made_at"]) + _LIFE / 2 > now:
        return SigningCertificate(found[-1]["name"], found[-1]["key"], found[-1]["chain"])
    made = issued(now)
    paper = {"name": made.name, "key": made.key, "chain": made.chain, "made_at": now.isoformat()}
    books.file("paypal", "certificate", made.name, paper)
    return made


def _builder(
    subject: x509.Name,
    key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey,
    begin: datetime,
    end: datetime,
    serial: int,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(_AUTHORITY)
        .public_key(key)
        .serial_number(serial)
        .not_valid_before(begin)
        .not_valid_after(end)
    )
