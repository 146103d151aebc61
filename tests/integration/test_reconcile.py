"""`paygate reconcile` finds out what became of payments that nobody told us about."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from redis.asyncio import Redis

from app.domain.payment.events import QrAction
from app.domain.payment.model import AwaitingCustomer, PaymentState, PaymentStatus
from app.eventstore import esdb
from app.processor.reconcile import Asked, Reconciliation, summary
from projections.readmodel import ReadModel
from tests.integration.test_processor import SOME_TIME, Desk, reaching, sandbox, status
from tests.support.eventstore_process import EventStoreProcess
from tests.support.plain_http import NO_CERTIFICATES
from tests.support.sandbox_process import SandboxProcess

__all__ = ["sandbox"]


@asynccontextmanager
async def office(
    server: EventStoreProcess, sandbox: SandboxProcess, redis: Redis
) -> AsyncIterator[tuple[Desk, Reconciliation]]:
    """An event store of its own, in which no processor works."""
    async with esdb.connect(server.uri) as store, reaching(sandbox) as provider:
        desk = Desk(store, provider, sandbox)
        yield desk, Reconciliation(store, ReadModel(redis), desk.pump(), 4)


async def test_it_asks_about_every_payment_that_is_not_settled(
    own_server: EventStoreProcess, sandbox: SandboxProcess, redis: Redis
) -> None:
    async with office(own_server, sandbox, redis) as (desk, reconciliation):
        settled = await desk.initiate("tok_success")
        await desk.settle(settled)
        approved = await desk.initiate("tok_authenticate")
        await _approve(await desk.run(approved))
        fresh = await desk.initiate("tok_success")
        desk.clock.advance(SOME_TIME)
        asked = {each.payment_id: each for each in await reconciliation.run(everything=True)}
        assert set(asked) == {approved, fresh}
        assert all(each.moved and each.after == "SUCCEEDED" for each in asked.values())
        assert len(sandbox.charges(approved)) == 1
        assert await reconciliation.run(everything=True) == []


async def _approve(state: PaymentState) -> None:
    """The customer approves, and nobody tells us."""
    assert isinstance(state, AwaitingCustomer)
    assert not isinstance(state.action, QrAction)
    async with httpx.AsyncClient(trust_env=False, verify=NO_CERTIFICATES) as browser:
        await browser.post(state.action.url, data={"decision": "approve"})


async def test_a_provider_that_cannot_be_reached_is_said_and_the_payment_stays(
    own_server: EventStoreProcess, tmp_path_factory: pytest.TempPathFactory, redis: Redis
) -> None:
    with SandboxProcess(tmp_path_factory.mktemp("gone")) as gone:
        async with office(own_server, gone, redis) as (desk, reconciliation):
            payment_id = await desk.initiate("tok_success")
            gone.kill()
            (asked,) = await reconciliation.run(everything=True)
            assert asked.fault is not None
            assert asked.fault.startswith("ProviderUnreachable")
            assert summary([asked]) == {"could not be asked": 1}
            assert status(await desk.state(payment_id)) is PaymentStatus.PROCESSING


def test_what_came_of_it_is_counted() -> None:
    moved, same = Asked("a", "PROCESSING", "FAILED"), Asked("b", "PROCESSING", "PROCESSING")
    assert summary([moved, same, moved]) == {"moved": 2, "unchanged": 1}
