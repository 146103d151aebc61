"""Where the rules of GraphQL over HTTP are registered, and what their checks share."""

from typing import Any

import httpx

from app.audit.model import NotMet, Protocol
from app.audit.results import check_data, decoded
from app.audit.rules import Suite
from app.audit.target import GRAPHQL_JSON, JSON

SUITE = Suite(Protocol.HTTP, "http")
TYPES = {"json": JSON, "graphql": GRAPHQL_JSON}
"""The two types of an answer, as the ids of rules name them."""


def media_type(answer: httpx.Response) -> str:
    """The type of an answer, without parameters."""
    return str(answer.headers.get("content-type", "")).partition(";")[0].strip().lower()


def check_type(answer: httpx.Response, *expected: str) -> str:
    """The answer's type, which has to be one of those."""
    found = media_type(answer)
    if found not in expected:
        raise NotMet(f"the answer is {found or 'of no type'}")
    return found


def check_status(answer: httpx.Response, *expected: int) -> str:
    """The answer's status, which has to be one of those."""
    if answer.status_code not in expected:
        raise NotMet(f"HTTP {answer.status_code}")
    return f"HTTP {answer.status_code}"


def check_refused(answer: httpx.Response) -> str:
    """A status of the client's errors."""
    if not 400 <= answer.status_code < 500:
        raise NotMet(f"HTTP {answer.status_code}")
    return f"HTTP {answer.status_code}"


def check_answered(answer: httpx.Response) -> dict[str, Any]:
    """The `data` of a request that worked."""
    check_status(answer, 200)
    data: dict[str, Any] = check_data(decoded(answer))["data"]
    return data
