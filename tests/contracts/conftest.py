"""The event stores that have to keep the port's promises: the embedded one, and another when its address is given."""

import os
from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import pytest

from app.eventstore import esdb
from app.eventstore.port import EventStore
from tests.support.eventstore_process import EventStoreProcess

GIVEN_URI = os.environ.get("PAYGATE_TEST_EVENTSTORE_URI")


@pytest.fixture(scope="session")
def embedded_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One embedded server for all tests of a worker; each test has streams of its own."""
    with EventStoreProcess(tmp_path_factory.mktemp("eventstore")) as server:
        yield server.uri


@pytest.fixture(params=["embedded", *(["given"] if GIVEN_URI else [])])
def uri(request: pytest.FixtureRequest) -> str:
    """The server the test is for."""
    return str(GIVEN_URI if request.param == "given" else request.getfixturevalue("embedded_uri"))


@pytest.fixture
async def store(uri: str) -> AsyncIterator[EventStore]:
    async with esdb.connect(uri) as connected:
        yield connected


@pytest.fixture
def category() -> str:
    """A category that no other test has."""
    return f"thing{uuid4().hex}"


@pytest.fixture
def stream(category: str) -> str:
    """A stream that no other test has."""
    return f"{category}-1"
