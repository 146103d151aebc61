"""Faults as GraphQL errors: a code for programs, a sentence for people, nothing from the inside."""

import re
import traceback
from typing import Any
from uuid import uuid4

import structlog
from graphql import GraphQLError

from app.access.rates import RateLimited
from app.eventstore.port import StoreUnavailable
from app.gateway.merchant_updates import CursorAhead
from app.gateway.payments import Forbidden
from app.live.hub import CursorExpired, NoSuchTopic, PositionAhead
from app.live.mailbox import SlowConsumer
from app.observability.redact import redact
from app.redisio import RedisError
from projections.readmodel import InvalidCursor

log = structlog.get_logger()

# graphql-core quotes what it could not read, and what was put into the wrong field may be a secret.
_QUOTED = (
    (re.compile(r"(cannot represent [^:]*): .*", re.DOTALL), r"\1"),
    (re.compile(r"(Expected [^,]*), found .*", re.DOTALL), r"\1"),
)

_MISFIT = re.compile(r"Variable '\$(\w+)' has invalid value at (\.[\w.]+)")
_ONE_OF = re.compile(r"OneOf Input Object '(\w+)'")
_ONE_OF_FIELDS = {"PaymentMethodInput": "input.method"}


def api_error(code: str, message: str, **details: Any) -> GraphQLError:
    """An error meant for the client."""
    return GraphQLError(message, extensions={"code": code, **details})


def too_often(fault: RateLimited) -> GraphQLError:
    """The error for a caller that asks too often; `retryAfter` is in whole seconds."""
    return api_error("RATE_LIMITED", str(fault), retryable=True, retryAfter=fault.retry_after)


def translated(error: GraphQLError) -> GraphQLError:
    """`error` as a client may see it."""
    if error.extensions and "code" in error.extensions:
        return error
    match error.original_error:
        case None | GraphQLError():
            return _invalid(error)
        case NoSuchTopic(kind=kind):
            return _like(error, f"there is no such {kind}", {"code": f"{kind.upper()}_NOT_FOUND"})
        case Forbidden():
            return _like(error, str(error.original_error), {"code": "FORBIDDEN"})
        case PositionAhead() | CursorAhead() | CursorExpired() | InvalidCursor() | SlowConsumer() as fault:
            return _about_position(error, fault)
        case StoreUnavailable() | RedisError():
            message = "the payment system does not answer; try again, a mutation with the same idempotency key"
            return _like(error, message, {"code": "UNAVAILABLE", "retryable": True})
    return _internal(error)


def _about_position(
    error: GraphQLError, fault: PositionAhead | CursorAhead | CursorExpired | InvalidCursor | SlowConsumer
) -> GraphQLError:
    """A position that cannot be gone on from, or the one to go on from."""
    match fault:
        case PositionAhead(after=after, head=head):
            message = f"after: {after} is ahead of what has happened, which is at {head}"
            return _like(error, message, {"code": "POSITION_AHEAD", "field": "after", "head": head})
        case CursorAhead():
            message = "after: the cursor is ahead of everything that has happened"
            return _like(error, message, {"code": "POSITION_AHEAD", "field": "after"})
        case CursorExpired():
            message = "after: the cursor is too old; query `payments`, then subscribe without `after`"
            return _like(error, message, {"code": "CURSOR_EXPIRED", "field": "after"})
        case InvalidCursor():
            message = "after: takes a cursor that this server gave out"
            return _like(error, message, {"code": "INVALID_CURSOR", "field": "after"})
        case SlowConsumer(position=position):
            message = "you do not read as fast as things change; resume after the position"
            return _like(error, message, {"code": "SLOW_CONSUMER", "position": position})


def _invalid(error: GraphQLError) -> GraphQLError:
    """A document or variables that GraphQL itself refuses, the field named where it says which."""
    message = _without_values(error.message)
    field = None
    if one_of := _ONE_OF.search(message):
        field = _ONE_OF_FIELDS.get(one_of.group(1))
    elif misfit := _MISFIT.search(message):
        field = f"{misfit.group(1)}{misfit.group(2)}"
    if field is None:
        return _like(error, message, {"code": "GRAPHQL_INVALID"})
    return _like(error, f"{field}: {message}", {"code": "GRAPHQL_INVALID", "field": field})


def _internal(error: GraphQLError) -> GraphQLError:
    reference = str(uuid4())
    fault = error.original_error
    # Where it happened and of what type, not its text, which may hold anything.
    where = "".join(traceback.format_tb(fault.__traceback__)) if fault else ""
    log.error("resolver failed", reference=reference, fault=type(fault).__name__, path=error.path, where=where)
    return _like(error, "something went wrong on our side", {"code": "INTERNAL", "reference": reference})


def _like(error: GraphQLError, message: str, extensions: dict[str, Any]) -> GraphQLError:
    return GraphQLError(
        message,
        nodes=error.nodes,
        source=error.source,
        positions=error.positions,
        path=error.path,
        extensions=extensions,
    )


def _without_values(message: str) -> str:
    for pattern, replacement in _QUOTED:
        message = pattern.sub(replacement, message)
    return redact(message)
