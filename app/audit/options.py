"""What an audit may be told about the server."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Self

from app.audit.scenario import PAYGATE, Scenario, ScenarioError, read_scenario


class OptionsError(Exception):
    """Something was given that cannot be used; the message names it."""


@dataclass(frozen=True, slots=True)
class Options:
    """Everything has a default that suits any GraphQL server, but without a scenario no stream can be examined."""

    query: str = "{ __typename }"
    """A query that works without variables."""
    scenario: Scenario | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Sent with every request and every handshake."""
    init_payload: Mapping[str, Any] | None = field(default=None, repr=False)
    """What the server wants to see in `connection_init`."""
    seconds: float = 15.0
    """How long one audit may take."""
    at_once: int = 8
    """How many audits run at a time."""
    only: tuple[str, ...] = ()
    """Patterns of the ids of the rules to audit, such as `ws-init-*`; all of them when empty."""

    def covers(self, rule_id: str) -> bool:
        """Whether the rule is to be audited."""
        return not self.only or any(fnmatchcase(rule_id, pattern) for pattern in self.only)

    @classmethod
    def given(
        cls,
        *,
        query: str,
        scenario: Path | None,
        headers: Iterable[str],
        init: str | None,
        seconds: float,
        only: Iterable[str],
    ) -> Self:
        """The options in what somebody typed; raises `OptionsError`."""
        return cls(
            query=query,
            scenario=_scenario(scenario),
            headers=dict(_header(line) for line in headers),
            init_payload=None if init is None else _object(init),
            seconds=seconds,
            only=tuple(only),
        )


def _scenario(path: Path | None) -> Scenario:
    try:
        return PAYGATE if path is None else read_scenario(path)
    except ScenarioError as fault:
        raise OptionsError(f"--scenario: {fault}") from None


def _header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon or not name.strip():
        raise OptionsError("--header: takes 'name: value'")
    return name.strip(), value.strip()


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise OptionsError("--init: takes an object in JSON")
    return value
