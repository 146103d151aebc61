"""What clients see of a fault: the status, its text, and the trailers by which they recognise it."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeAlias
from urllib.parse import quote

import grpc

from app.laptop.eventstore import errors

_log = logging.getLogger(__name__)

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"

_PRINTABLE: Final = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != "%")


@dataclass(frozen=True, slots=True)
class Status:
    """A gRPC status with its trailers."""

    code: grpc.StatusCode
    details: str
    trailers: tuple[tuple[str, str], ...] = ()


def status_of(error: errors.EventStoreError) -> Status:
    """Translate a fault this package reports on purpose."""
    match error:
        case errors.WrongExpectedVersion():
            return _wrong_version(error)
        case errors.StreamDeleted():
            return _named(grpc.StatusCode.FAILED_PRECONDITION, error, "stream-deleted", ("stream-name", error.stream))
        case errors.GroupError():
            return _group(error)
        case errors.InvalidArgument():
            return _invalid(error)
        case errors.ServerStopping() | errors.ServerTooBusy():
            return Status(grpc.StatusCode.UNAVAILABLE, str(error))
        case _:
            return Status(grpc.StatusCode.UNKNOWN, "Exception was thrown by handler.")


@asynccontextmanager
async def reporting(context: Context) -> AsyncIterator[None]:
    """End the call with the right status if the body raises; what it did not foresee is logged."""
    try:
        yield
    except errors.EventStoreError as error:
        status = status_of(error)
    except grpc.aio.AbortError:
        raise
    except Exception:  # noqa: BLE001 - the client must get a status whatever it is
        _log.exception("a handler failed")
        status = Status(grpc.StatusCode.UNKNOWN, "Exception was thrown by handler.")
    else:
        return
    await context.abort(status.code, status.details, status.trailers)


def _wrong_version(error: errors.WrongExpectedVersion) -> Status:
    details = (
        f"Delete failed due to WrongExpectedVersion. Stream: {error.stream}, "
        f"Expected version: {error.expected}, Actual version: {error.actual}"
    )
    return _named(
        grpc.StatusCode.FAILED_PRECONDITION,
        details,
        "wrong-expected-version",
        ("stream-name", error.stream),
        ("expected-version", str(error.expected)),
        ("actual-version", str(error.actual)),
    )


def _group(error: errors.GroupError) -> Status:
    of_group = (("stream-name", error.stream), ("group-name", error.group))
    match error:
        case errors.GroupNotFound():
            return _named(grpc.StatusCode.NOT_FOUND, error, "persistent-subscription-does-not-exist", *of_group)
        case errors.GroupExists():
            return _named(grpc.StatusCode.ALREADY_EXISTS, error, "persistent-subscription-exists", *of_group)
        case errors.GroupDropped():
            return _named(grpc.StatusCode.CANCELLED, error, "persistent-subscription-dropped", *of_group)
        case errors.GroupFull():
            return _named(grpc.StatusCode.FAILED_PRECONDITION, error, "maximum-subscribers-reached", *of_group)
        case errors.GroupFailed():
            reason = ("reason", error.why)
            return _named(grpc.StatusCode.INTERNAL, error, "persistent-subscription-failed", *of_group, reason)
        case _:
            return _named(grpc.StatusCode.INTERNAL, error, "persistent-subscription-failed", *of_group)


def _invalid(error: errors.InvalidArgument) -> Status:
    code = grpc.StatusCode.INVALID_ARGUMENT
    match error:
        case errors.MissingMetadata():
            required = ("required-metadata-properties", "type,content-type")
            return _named(code, error, "missing-required-metadata-property", required)
        case errors.AppendTooLarge():
            limit = ("maximum-append-size", str(error.limit))
            return _named(code, error, "maximum-append-size-exceeded", limit)
        case errors.EventTooLarge():
            return _named(
                code,
                error,
                "maximum-append-event-size-exceeded",
                ("maximum-append-event-size", str(error.limit)),
                ("event-id", error.event_id),
                ("proposed-append-event-size", str(error.size)),
            )
        case _:
            return Status(code, str(error))


def _named(code: grpc.StatusCode, details: object, name: str, *trailers: tuple[str, str]) -> Status:
    return Status(code, str(details), (("exception", name), *((key, _ascii(value)) for key, value in trailers)))


def _ascii(value: str) -> str:
    """Percent-encode what is not printable ASCII: with anything else gRPC drops the status and the call hangs."""
    return quote(value, safe=_PRINTABLE)
