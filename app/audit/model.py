"""What an audit finds out."""

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum


class Protocol(StrEnum):
    """What is audited; each rule belongs to one."""

    HTTP = "GraphQL over HTTP"
    WEBSOCKET = "graphql-transport-ws"
    EVENTS = "GraphQL over SSE"
    MULTIPART = "multipart subscriptions 1.0"


class Level(StrEnum):
    """How much a rule binds, in the words of RFC 2119."""

    MUST = "MUST"
    SHOULD = "SHOULD"
    MAY = "MAY"


class Verdict(StrEnum):
    """What became of one rule."""

    MET = "met"
    NOT_MET = "not met"
    NOT_OFFERED = "not offered"
    """The rule is about something optional that this server leaves out."""
    NOT_EXAMINED = "not examined"
    """The audit could not find out, for instance for want of a subscription."""


class NotMet(Exception):
    """The server breaks the rule; the message says what was seen."""


class NotOffered(Exception):
    """The server leaves out what the rule is about, as it may."""


class NotExamined(Exception):
    """Nothing can be said of the rule; the message says why."""


class Unreachable(Exception):
    """There is no server at the address."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule and how the server stands to it."""

    protocol: Protocol
    id: str
    level: Level
    title: str
    verdict: Verdict
    seen: str

    @property
    def fatal(self) -> bool:
        """Whether a server that does this cannot be said to speak the protocol."""
        return self.verdict is Verdict.NOT_MET and self.level is Level.MUST


@dataclass(frozen=True, slots=True)
class Report:
    """Everything found out about one server, in the order of the rules."""

    url: str
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """Whether no MUST is broken."""
        return not any(finding.fatal for finding in self.findings)

    @property
    def protocols(self) -> list[Protocol]:
        """Those that any finding is about."""
        return [protocol for protocol in Protocol if self.of(protocol)]

    def of(self, protocol: Protocol) -> list[Finding]:
        """The findings of one protocol."""
        return [finding for finding in self.findings if finding.protocol is protocol]

    def counts(self, protocol: Protocol) -> Counter[tuple[Level, Verdict]]:
        """How many rules of each level got each verdict."""
        return Counter((finding.level, finding.verdict) for finding in self.of(protocol))

    def verdict(self, rule_id: str) -> Verdict:
        """What became of the rule with this id; raises `KeyError`."""
        return self.finding(rule_id).verdict

    def finding(self, rule_id: str) -> Finding:
        """The finding about the rule with this id; raises `KeyError`."""
        for finding in self.findings:
            if finding.id == rule_id:
                return finding
        raise KeyError(rule_id)
