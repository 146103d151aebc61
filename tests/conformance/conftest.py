"""A running paygate, what the kit finds out about it, and the npm packages that talk to it."""

import asyncio
from collections.abc import Iterator

import pytest

from app import audit
from tests.conformance.node_clients import NodeClients, NoNode
from tests.support.stack import Stack, running_stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A running system; whoever uses it leaves it running."""
    with running_stack(tmp_path_factory.mktemp("conformance")) as running:
        yield running


@pytest.fixture(scope="session")
def report(stack: Stack) -> audit.Report:
    """Every rule, examined once."""
    return asyncio.run(audit.audit(stack.url, audit.Options(scenario=audit.PAYGATE)))


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> NodeClients:
    try:
        return NodeClients.installed(tmp_path_factory.mktemp("node"))
    except NoNode as reason:
        pytest.skip(str(reason))
