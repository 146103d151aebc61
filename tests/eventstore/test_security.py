"""TLS with a given certificate, and passwords."""

import datetime as dt
import ipaddress
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from esdbclient import EventStoreDBClient, StreamState
from esdbclient.exceptions import GrpcError

from tests.support.eventstore_process import EventStoreProcess, ServerDidNotStart

from .events import ids, new_events


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A folder with a certificate for this machine and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    addresses = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(addresses), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (tmp_path / "server.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (tmp_path / "server.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return tmp_path


@pytest.fixture
def secured(certificate: Path) -> Iterator[EventStoreProcess]:
    """A server as in production: TLS and a password."""
    options = ("--certificate", "server.pem", "--key", "server.key")
    paths = [str(certificate / option) if "." in option else option for option in options]
    with EventStoreProcess(certificate / "data", *paths, "--user", "admin:changeit") as server:
        yield server


def test_a_client_with_the_right_password_gets_in_by_tls(secured: EventStoreProcess, certificate: Path) -> None:
    client = EventStoreDBClient(_uri(secured, certificate, "changeit"))
    written = new_events(2)
    client.append_to_stream("order-1", current_version=StreamState.NO_STREAM, events=written)
    assert ids(client.get_stream("order-1")) == ids(written)
    client.close()


def test_a_wrong_password_is_refused(secured: EventStoreProcess, certificate: Path) -> None:
    client = EventStoreDBClient(_uri(secured, certificate, "guess"))
    with pytest.raises(GrpcError, match="UNAUTHENTICATED"):
        client.append_to_stream("order-1", current_version=StreamState.ANY, events=new_events(1))
    with pytest.raises(GrpcError, match="UNAUTHENTICATED"):
        client.get_stream("order-1")
    client.close()


def test_half_of_what_tls_needs_is_refused_at_the_start(certificate: Path) -> None:
    with pytest.raises(ServerDidNotStart, match="TLS needs a certificate and its key"):
        EventStoreProcess(certificate / "data", "--certificate", str(certificate / "server.pem")).start()


def _uri(server: EventStoreProcess, folder: Path, password: str) -> str:
    return f"esdb://admin:{password}@localhost:{server.port}?tlsCaFile={folder / 'server.pem'}"
