"""The kit finds in Strawberry's own handler what is known to be wrong with it: a reference for its eyesight."""

import asyncio

import pytest

from app.audit import Options, Report, Verdict, audit
from tests.conformance.stock_server import SCENARIO, stock_server

BROKE_OFF = "the connection broke off without a close frame"
KNOWN_DEFECTS = {
    "ws-init-null": "closed with 4400",
    "ws-malformed-array": BROKE_OFF,
    "ws-malformed-number": BROKE_OFF,
    "ws-subscribe-payload-null": BROKE_OFF,
    "ws-subscribe-id-number": "without a string id",
    "ws-subscribe-id-empty": "did not come",
    "ws-subscribe-variables-array": "did not come",
    "ws-error-syntax-error": "closed with 4400",
    "ws-error-unknown-operation": "closed with 4400",
    "ws-fault-ends-one": "closed with 4400",
    "ws-ping-echo": "without the payload",
    "multipart-opened": "it begins with",
    "multipart-parts": "no part",
    "multipart-media-type-clean": ",application/json",
    "http-accept-graphql": "the answer is application/json",
}
WELL_DONE = [
    "ws-query",
    "ws-stream",
    "ws-duplicate-id",
    "ws-stop",
    "sse-stream",
    "multipart-closed",
    "http-accept-json",
]


@pytest.fixture(scope="session")
def report() -> Report:
    return asyncio.run(_report())


async def _report() -> Report:
    async with stock_server() as url:
        rules = (*KNOWN_DEFECTS, *WELL_DONE, "sse-resume")
        return await audit(url, Options(scenario=SCENARIO, seconds=3, only=rules))


@pytest.mark.parametrize("rule", KNOWN_DEFECTS)
def test_a_known_defect_is_found(report: Report, rule: str) -> None:
    assert report.verdict(rule) is Verdict.NOT_MET
    assert KNOWN_DEFECTS[rule] in report.finding(rule).seen


@pytest.mark.parametrize("rule", WELL_DONE)
def test_what_it_does_well_is_met(report: Report, rule: str) -> None:
    assert report.finding(rule).verdict is Verdict.MET


def test_what_it_does_not_offer_is_no_fault(report: Report) -> None:
    assert report.finding("sse-resume").verdict is Verdict.NOT_OFFERED
