"""The kit finds in Strawberry's own handler what is known to be wrong with it: a reference for its eyesight."""

import asyncio

import pytest

from app.audit import Options, Report, Verdict, audit
from tests.conformance.stock_server import KNOWN_DEFECTS, NO_ANSWER, SCENARIO, stock_server

UNANSWERED = {rule for rule, seen in KNOWN_DEFECTS.items() if seen == NO_ANSWER}
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
    answered = tuple({*KNOWN_DEFECTS, *WELL_DONE, "sse-resume"} - UNANSWERED)
    async with stock_server() as url:
        # Only where no answer is awaited is the time short: for all others a busy machine may take its own.
        first, second = await asyncio.gather(
            audit(url, Options(scenario=SCENARIO, only=answered)),
            audit(url, Options(scenario=SCENARIO, only=tuple(UNANSWERED), seconds=3)),
        )
    return Report(url, (*first.findings, *second.findings))


@pytest.mark.parametrize("rule", KNOWN_DEFECTS)
def test_a_known_defect_is_found(report: Report, rule: str) -> None:
    assert report.verdict(rule) is Verdict.NOT_MET
    assert KNOWN_DEFECTS[rule] in report.finding(rule).seen


@pytest.mark.parametrize("rule", WELL_DONE)
def test_what_it_does_well_is_met(report: Report, rule: str) -> None:
    assert report.finding(rule).verdict is Verdict.MET


def test_what_it_does_not_offer_is_no_fault(report: Report) -> None:
    assert report.finding("sse-resume").verdict is Verdict.NOT_OFFERED
