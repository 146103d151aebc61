"""A kit that cannot fail is worth nothing: each defect of a server is noticed, and nothing is where there is none."""

import asyncio

import pytest

from app.audit import PAYGATE, Options, Report, Verdict, audit
from tests.conformance.defects import HTTP_DEFECTS, SOCKET_DEFECTS, STREAM_DEFECTS
from tests.conformance.tampering import Honest, tampered
from tests.support.stack import Stack

DEFECTS = {**SOCKET_DEFECTS, **HTTP_DEFECTS, **STREAM_DEFECTS}
EVERY_RULE_NAMED = set().union(*DEFECTS.values())
SERVERS: dict[type[Honest], set[str]] = {**DEFECTS, Honest: EVERY_RULE_NAMED}
SECONDS = 8.0
# Where every answer comes, a busy machine may take its time.
PATIENCE = 60.0
AT_ONCE = 8


@pytest.fixture(scope="session")
def reports(stack: Stack) -> dict[type[Honest], Report]:
    """What is said of each server, several of them audited at a time."""
    return asyncio.run(_reports(stack.url))


async def _reports(url: str) -> dict[type[Honest], Report]:
    places = asyncio.Semaphore(AT_ONCE)
    async with asyncio.TaskGroup() as tasks:
        audits = {server: tasks.create_task(_report(url, server, places)) for server in SERVERS}
    return {server: audited.result() for server, audited in audits.items()}


async def _report(url: str, server: type[Honest], places: asyncio.Semaphore) -> Report:
    async with places, tampered(url, server) as address:
        seconds = PATIENCE if server is Honest else SECONDS
        options = Options(scenario=PAYGATE, only=tuple(SERVERS[server]), seconds=seconds)
        return await audit(address, options)


def test_every_defect_is_noticed(reports: dict[type[Honest], Report]) -> None:
    """One test for all of them: each process that has one of several would audit all the servers anew."""
    noticed = {
        defect.__name__: {finding.id: finding.verdict for finding in reports[defect].findings} for defect in DEFECTS
    }
    assert noticed == {defect.__name__: dict.fromkeys(rules, Verdict.NOT_MET) for defect, rules in DEFECTS.items()}


def test_without_a_defect_the_same_rules_are_met(reports: dict[type[Honest], Report]) -> None:
    findings = reports[Honest].findings
    assert [finding for finding in findings if finding.verdict is not Verdict.MET] == []
    assert {finding.id for finding in findings} == EVERY_RULE_NAMED
