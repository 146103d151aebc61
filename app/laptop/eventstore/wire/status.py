"""What clients see of a fault: the status, its text, and the trailers by which they recognise it."""

import logging
from dataclasses import dataclass
from types import TracebackType
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


_UNFORESEEN: Final = Status(grpc.StatusCode.UNKNOWN, "Exception was thrown by handler.")


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
        case errors.ProjectionNotFound():
            return Status(grpc.StatusCode.NOT_FOUND, str(error))
        case errors.ProjectionConflict() | errors.ProjectionRefused():
            return Status(grpc.StatusCode.UNKNOWN, str(error))
        case errors.ProjectionCannotRun():
            return Status(grpc.StatusCode.UNIMPLEMENTED, str(error))
        case _:
            return _UNFORESEEN


class reporting:  # noqa: N801 - used as a statement
    """Ends the call with the right status if the body raises; what nobody foresaw is logged.

    A class and not a generator, for every call goes through it.
    """

    __slots__ = ("_context",)

    def __init__(self, context: Context) -> None:
        self._context = context

    async def __aenter__(self) -> None:
        pass

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while isinstance(error, ExceptionGroup):  # from one of the appends of a call
            error = error.exceptions[0]
        if error is None or isinstance(error, grpc.aio.AbortError) or not isinstance(error, Exception):
            return
        if isinstance(error, errors.EventStoreError):
            status = status_of(error)
        else:
            _log.error("a handler failed", exc_info=error)
            status = _UNFORESEEN
        await self._context.abort(status.code, status.details, status.trailers)


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
