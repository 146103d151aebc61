"""One server for the tests of a module's worker; each test uses streams of its own."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from esdbclient import AsyncEventStoreDBClient, EventStoreDBClient

from tests.support.eventstore_process import EventStoreProcess


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EventStoreProcess]:
    """A server that lives as long as the tests of this worker. Its folder may hold anything."""
    with EventStoreProcess(tmp_path_factory.mktemp("eventstore")) as process:
        yield process


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[EventStoreProcess]:
    """A server of the test's own, with an empty folder, to be killed and restarted."""
    with EventStoreProcess(tmp_path / "eventstore") as process:
        yield process


@pytest.fixture
async def client(server: EventStoreProcess) -> AsyncIterator[AsyncEventStoreDBClient]:
    """An asyncio client of the shared server."""
    connected = AsyncEventStoreDBClient(server.uri)
    await connected.connect()
    yield connected
    await connected.close()


@pytest.fixture
async def own_client(own_server: EventStoreProcess) -> AsyncIterator[AsyncEventStoreDBClient]:
    """An asyncio client of the test's own server."""
    connected = AsyncEventStoreDBClient(own_server.uri)
    await connected.connect()
    yield connected
    await connected.close()


@pytest.fixture
def sync_client(server: EventStoreProcess) -> Iterator[EventStoreDBClient]:
    """A synchronous client of the shared server."""
    connected = EventStoreDBClient(server.uri)
    yield connected
    connected.close()


@pytest.fixture
def stream() -> str:
    """A stream, and a category, that no other test has."""
    return f"order{uuid4().hex}-1"
