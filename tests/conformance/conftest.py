"""What the kit finds out about a running paygate, and the npm packages that talk to it."""

import asyncio

import pytest

from app import audit
from tests.conformance.node_clients import NodeClients, NoNode
from tests.support.stack import Stack


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
