"""Which servers `paygate dev` starts, and where each of them listens."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from app.laptop import valkey
from app.laptop.folder import DataFolder
from app.laptop.ports import free_ports, is_taken
from app.laptop.sandbox.simulators import SIMULATORS
from app.settings import Profile, Settings

_PAYGATE = "paygate <paygate@example.com>"
_NOBODY = "mailto:nobody@example.com"
_EVERY_INTERFACE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - recognised, not listened at


class AddressTaken(Exception):
    """A server could not listen where the settings say; the message names the variable."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The settings for all processes, complete with addresses, and the ports of the servers to start, by name."""

    settings: Settings
    ports: Mapping[str, int]

    def starts(self, name: str) -> bool:
        """Whether this server is ours to start; if not, the user has named one to use."""
        return name in self.ports


def make_plan(settings: Settings, folder: DataFolder) -> Plan:
    """Fills in what the user has not set; raises `AddressTaken` if one cannot listen where the user wants it to."""
    explicit = settings.model_fields_set
    named = (settings.port, settings.eventstore_port, settings.sandbox_port, settings.sandbox_mail_port or 0)
    spare = iter(free_ports(5, besides=named))
    servers = {"gateway": _gateway(settings, spare)}
    if "eventstore_uri" not in explicit:
        servers["eventstore"] = _eventstore(settings, spare)
    if "redis_url" not in explicit:
        servers["valkey"] = _valkey(spare)
    if "sandbox_url" not in explicit:
        servers["sandbox"] = _sandbox(settings, spare)
    found: dict[str, Any] = {
        "profile": settings.profile if "profile" in explicit else Profile.DEV,
        "data_dir": folder.path,
        "secret_key": settings.secret_key or folder.secret_key(),
    }
    if settings.push_private_key is None:
        found |= {"push_private_key": folder.push_key(), "push_contact": settings.push_contact or _NOBODY}
    for server in servers.values():
        found |= server.settings
    if "sandbox" in servers and "providers" not in explicit:
        found["providers"] = [*settings.providers, *SIMULATORS]
    return Plan(settings.model_copy(update=found), {name: server.port for name, server in servers.items()})


def check_gateway(settings: Settings) -> None:
    """Raises `AddressTaken` if the gateway could not listen where the user wants it to."""
    _usable_port(settings, "port", settings.host)


def reachable(host: str) -> str:
    """Where this machine reaches a server that listens at `host`."""
    return _EVERY_INTERFACE.get(host, host)


def address(host: str, port: int) -> str:
    """Host and port as they stand in a URL."""
    name = reachable(host)
    return f"[{name}]:{port}" if ":" in name else f"{name}:{port}"


@dataclass(frozen=True, slots=True)
class _Server:
    port: int
    settings: Mapping[str, Any]
    """What the settings say about it."""


def _gateway(settings: Settings, spare: Iterator[int]) -> _Server:
    port = _usable_port(settings, "port", settings.host) or next(spare)
    found: dict[str, Any] = {"port": port}
    if "public_url" not in settings.model_fields_set:
        found["public_url"] = f"http://{address(settings.host, port)}"
    return _Server(port, found)


def _eventstore(settings: Settings, spare: Iterator[int]) -> _Server:
    host = settings.eventstore_host
    port = _explicit_port(settings, "eventstore_port", host) or next(spare)
    return _Server(port, {"eventstore_port": port, "eventstore_uri": f"esdb://{address(host, port)}?tls=false"})


def _valkey(spare: Iterator[int]) -> _Server:
    port = next(spare)
    return _Server(port, {"redis_url": valkey.url(port)})


def _sandbox(settings: Settings, spare: Iterator[int]) -> _Server:
    host = settings.sandbox_host
    port = _explicit_port(settings, "sandbox_port", host) or next(spare)
    found: dict[str, Any] = {"sandbox_port": port, "sandbox_url": f"http://{address(host, port)}"}
    if settings.smtp_url is None:
        mail_port = _explicit_port(settings, "sandbox_mail_port", host) or next(spare)
        found |= {
            "sandbox_mail_port": mail_port,
            "smtp_url": SecretStr(f"smtp://{address(host, mail_port)}"),
            "mail_from": settings.mail_from or _PAYGATE,
        }
    return _Server(port, found)


def _explicit_port(settings: Settings, field: str, host: str) -> int:
    return _usable_port(settings, field, host) if field in settings.model_fields_set else 0


def _usable_port(settings: Settings, field: str, host: str) -> int:
    """The port of the settings, if a server can listen there; 0, as ever, leaves the choice to us."""
    port: int = getattr(settings, field) or 0
    variable = f"PAYGATE_{field.upper()}"
    try:
        taken = port != 0 and is_taken(host, port)
    except OSError as error:
        reason = error.strerror or str(error)
        host_variable = variable.replace("PORT", "HOST")
        raise AddressTaken(f"Cannot listen at {host}:{port} ({reason}): set {host_variable} or {variable}") from None
    if taken:
        raise AddressTaken(f"{host}:{port} is already in use: set {variable} to another port")
    return port
