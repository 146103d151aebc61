"""A subscription to audit with, and what has to happen before there is anything to subscribe to."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

UNIQUE = "{unique}"
"""Stands, in the variables of a preparation, for a text that is never used twice."""


class ScenarioError(Exception):
    """A scenario file that cannot be used; the message says where it is at fault."""


@dataclass(frozen=True, slots=True)
class Preparation:
    """An operation sent by POST before the subscription."""

    document: str
    variables: Mapping[str, Any] = field(default_factory=dict)
    take: Mapping[str, str] = field(default_factory=dict)
    """Variables of the subscription, and where in the answer's `data` they are found: `createUser.user.id`."""

    def request(self) -> dict[str, Any]:
        """The body to send, different each time."""
        return {"query": self.document, "variables": _filled(self.variables, uuid4().hex)}

    def taken_from(self, data: Any) -> dict[str, Any]:
        """The subscription's variables in the answer; raises `LookupError` or `TypeError` when they are not there."""
        return {name: _found(data, path) for name, path in self.take.items()}


@dataclass(frozen=True, slots=True)
class Subscription:
    """A subscription's document, with a preparation when it needs one."""

    document: str
    variables: Mapping[str, Any] = field(default_factory=dict)
    prepare: Preparation | None = None

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """What a scenario file says of one subscription."""
        prepare = value.get("prepare")
        preparation = None if prepare is None else Preparation(**prepare)
        return cls(value["document"], value.get("variables", {}), preparation)


@dataclass(frozen=True, slots=True)
class Scenario:
    """The two kinds of subscription that the rules of streams need."""

    finite: Subscription
    """Gives at least two values, not all at once, and then completes by itself."""
    lasting: Subscription | None = None
    """Gives at least one value and then stays open without another one for as long as an audit takes."""


def read_scenario(path: Path) -> Scenario:
    """The scenario in a JSON file, of the form `{"finite": {"document", "variables", "prepare"}, "lasting": {…}}`."""
    try:
        value = json.loads(path.read_text("utf-8"))
        lasting = value.get("lasting")
        return Scenario(
            finite=Subscription.from_json(value["finite"]),
            lasting=None if lasting is None else Subscription.from_json(lasting),
        )
    except (OSError, ValueError) as fault:
        raise ScenarioError(f"{path}: {fault}") from None
    except (LookupError, TypeError, AttributeError) as fault:
        raise ScenarioError(f"{path}: is not of the form of a scenario: {fault}") from None


def _filled(value: Any, unique: str) -> Any:
    match value:
        case str():
            return value.replace(UNIQUE, unique)
        case Mapping():
            return {name: _filled(member, unique) for name, member in value.items()}
        case list() | tuple():
            return [_filled(member, unique) for member in value]
        case _:
            return value


def _found(data: Any, path: str) -> Any:
    for name in path.split("."):
        data = data[int(name)] if isinstance(data, list) else data[name]
    return data


def _watched_payment(token: str) -> Subscription:
    return Subscription(
        document=(
            "subscription Watch($id: ID!, $after: Int) {"
            " paymentStatus(id: $id, after: $after) { status version previousVersion } }"
        ),
        variables={"after": -1},
        prepare=Preparation(
            document=(
                "mutation Pay($input: InitiatePaymentInput!) { initiatePayment(input: $input) {"
                " ... on PaymentAccepted { payment { id } } } }"
            ),
            variables={
                "input": {
                    "idempotencyKey": f"audit-{UNIQUE}",
                    "amount": 4999,
                    "currency": "EUR",
                    "method": {"card": {"token": token}},
                }
            },
            take={"id": "initiatePayment.payment.id"},
        ),
    )


PAYGATE = Scenario(finite=_watched_payment("tok_slow"), lasting=_watched_payment("tok_authenticate"))
"""Start a payment with the sandbox provider and watch it: one that takes a while, one that waits for its customer."""
