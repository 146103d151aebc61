"""What the kit and npm's graphql-http say of paygate."""

import pytest

from app.audit import Level, Protocol, Report, Verdict
from tests.conformance.node_clients import NodeClients
from tests.conformance.report import FILE, NodeAudit, document
from tests.conformance.stock_server import KNOWN_DEFECTS
from tests.support.stack import Stack

SINGLE_CONNECTION_MODE = {"sse-single-reservation", "sse-single-one-stream", "sse-single-operation"}
KNOWN_GAPS: set[str] = set()


@pytest.fixture(scope="session")
def node_audit(stack: Stack, node: NodeClients) -> NodeAudit:
    return NodeAudit.of(node, stack.url)


@pytest.mark.parametrize("protocol", Protocol)
def test_every_protocol_was_examined(report: Report, protocol: Protocol) -> None:
    assert report.counts(protocol)[Level.MUST, Verdict.MET] > 0


def test_every_rule_is_met_but_the_known_gaps(report: Report) -> None:
    assert {finding.id for finding in report.findings if finding.verdict is Verdict.NOT_MET} == KNOWN_GAPS


@pytest.mark.parametrize("rule", KNOWN_DEFECTS)
def test_what_a_stock_server_does_wrong_is_done_right_here(report: Report, rule: str) -> None:
    assert report.verdict(rule) is Verdict.MET


def test_nothing_is_left_unexamined_and_nothing_left_out_but_the_single_connection_mode(report: Report) -> None:
    assert [finding for finding in report.findings if finding.verdict is Verdict.NOT_EXAMINED] == []
    left_out = {finding.id for finding in report.findings if finding.verdict is Verdict.NOT_OFFERED}
    assert left_out == SINGLE_CONNECTION_MODE


def test_every_audit_of_the_npm_package_is_ok(node_audit: NodeAudit) -> None:
    assert node_audit.faults == []
    assert len(node_audit.results) == 61


def test_the_document_says_what_was_found_out(report: Report, node_audit: NodeAudit) -> None:
    assert FILE.read_text("utf-8") == document(report, node_audit), "run: python -m tests.conformance.report"
