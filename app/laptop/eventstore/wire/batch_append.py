"""BatchAppend: one long call with many appends in flight, each answered when it is durable, in any order."""

import asyncio
import time
from typing import Any, Final

import grpc
from esdbclient.protos.Grpc import code_pb2, shared_pb2, status_pb2, streams_pb2
from google.protobuf import any_pb2, empty_pb2
from google.protobuf.message import Message

from app.laptop.eventstore import errors, events
from app.laptop.eventstore.commands import Append
from app.laptop.eventstore.limits import Limits
from app.laptop.eventstore.store import Store

from . import requests, responses
from .proposals import Proposals
from .status import Context

_EMPTY: Final = empty_pb2.Empty()
_END: Final[object] = grpc.aio.EOF  # type: ignore[attr-defined]  # the stubs leave it out
_APPENDS_IN_FLIGHT: Final = 256
"""Per call. Beyond it the next request is not read, and the client feels it as flow control."""


class TimedOut(errors.EventStoreError):
    """The append was not durable in time; it may yet be."""


class _Batch:
    """One append, gathered from as many chunks as the client sends."""

    def __init__(self, request: streams_pb2.BatchAppendReq, limits: Limits) -> None:
        options = request.options
        self.correlation_id = request.correlation_id
        self.identifier = options.stream_identifier
        self.deadline = asyncio.get_running_loop().time() + _time_left(options, limits)
        self.fault: errors.EventStoreError | None = None
        """Why it cannot be done, if that is known before its end."""
        self._options = options
        self._proposals = Proposals(limits)

    def take(self, request: streams_pb2.BatchAppendReq) -> None:
        """Take over the events of one chunk."""
        try:
            self._proposals.extend(request.proposed_messages)
        except errors.EventStoreError as fault:
            self.fault = fault

    def command(self) -> Append:
        """Return what is to be done, once everything has come."""
        stream = requests.stream_name(self.identifier)
        return Append(stream, _expectation(self._options), self._proposals.events)


class BatchAppendCall:
    """One call: reads chunks, and lets each complete append run by itself.

    Its answers are encoded already.
    """

    def __init__(self, store: Store, limits: Limits, context: Context) -> None:
        self._store = store
        self._limits = limits
        self._context = context
        self._gathering: dict[bytes, _Batch] = {}
        self._writing = asyncio.Lock()
        self._free = asyncio.Semaphore(_APPENDS_IN_FLIGHT)

    async def run(self) -> None:
        """Serve the call until the client has sent everything and everything is answered.

        Many clients make a call per append, and cancel it once they have their answer. So the first append needs
        no task of its own, and a cancelled call is nothing special: it cancels what runs here, never a write.
        """
        first = await self._next()
        if first is None:
            return
        await self._context.write(await self._append(first))
        batch = await self._next()
        if batch is None:
            return
        async with asyncio.TaskGroup() as appends:
            while batch is not None:
                await self._free.acquire()
                appends.create_task(self._answer(batch))
                batch = await self._next()

    async def _next(self) -> _Batch | None:
        """Return the next append that is complete, or cannot be done; None when there are no more."""
        while (chunk := await self._context.read()) is not _END:
            key = chunk.correlation_id.SerializeToString()
            batch = self._gathering.pop(key, None)
            if batch is None:
                if not chunk.HasField("options"):
                    continue
                batch = _Batch(chunk, self._limits)
            batch.take(chunk)
            if chunk.is_final or batch.fault is not None:
                return batch
            self._gathering[key] = batch
        return None

    async def _answer(self, batch: _Batch) -> None:
        try:
            answer = await self._append(batch)
            async with self._writing:
                await self._context.write(answer)
        finally:
            self._free.release()

    async def _append(self, batch: _Batch) -> bytes:
        if batch.fault is not None:
            return _failure(batch, batch.fault)
        if batch.deadline <= asyncio.get_running_loop().time():
            return _failure(batch, TimedOut("Timeout"))
        try:
            async with asyncio.timeout_at(batch.deadline):
                place = await self._store.execute(batch.command())
        except TimeoutError:
            return _failure(batch, TimedOut("Timeout"))
        except (errors.ServerStopping, errors.ServerTooBusy):
            raise  # this ends the call: it is nothing about this append
        except errors.EventStoreError as fault:
            return _failure(batch, fault)
        return _success(batch, place)


def _time_left(options: streams_pb2.BatchAppendReq.Options, limits: Limits) -> float:
    """Return the seconds an append has. Clients without a deadline send one of 10,000 years."""
    match options.WhichOneof("deadline_option"):
        case "deadline":
            asked = options.deadline.seconds + options.deadline.nanos / 1e9
        case "deadline_21_10_0":
            asked = options.deadline_21_10_0.seconds + options.deadline_21_10_0.nanos / 1e9 - time.time()
        case _:
            return limits.write_timeout
    return min(asked, limits.write_timeout)


def _expectation(options: streams_pb2.BatchAppendReq.Options) -> int:
    match options.WhichOneof("expected_stream_position"):
        case "stream_position":
            return requests.revision(options.stream_position)
        case "no_stream":
            return events.NO_STREAM
        case "any":
            return events.ANY
        case "stream_exists":
            return events.STREAM_EXISTS
        case _:
            raise errors.InvalidArgument("The expected stream position is missing.")


def _success(batch: _Batch, place: events.Appended) -> bytes:
    """Encode the answer by hand, as every append gets one: BatchAppendResp{correlation_id 1, success 3, stream 4}."""
    position = responses.varint(place.position)
    revision = b"\x12\x00" if place.revision < 0 else b"\x08" + responses.varint(place.revision)
    success = revision + responses.delimited(b"\x1a", b"\x08" + position + b"\x10" + position)
    return (
        responses.delimited(b"\x0a", batch.correlation_id.SerializeToString())
        + responses.delimited(b"\x1a", success)
        + responses.delimited(b"\x22", batch.identifier.SerializeToString())
    )


def _failure(batch: _Batch, fault: errors.EventStoreError) -> bytes:
    code, details = _details(batch, fault)
    if isinstance(details, any_pb2.Any):
        packed = details
    else:
        packed = any_pb2.Any()
        packed.Pack(details)
    return streams_pb2.BatchAppendResp(
        correlation_id=batch.correlation_id,
        stream_identifier=batch.identifier,
        error=status_pb2.Status(code=code, message=str(fault), details=packed),
    ).SerializeToString()


def _details(batch: _Batch, fault: errors.EventStoreError) -> tuple[code_pb2.Code.ValueType, Message]:
    match fault:
        case errors.WrongExpectedVersion():
            return code_pb2.ALREADY_EXISTS, _wrong_version(fault)
        case errors.StreamDeleted():
            return code_pb2.NOT_FOUND, shared_pb2.StreamDeleted(stream_identifier=batch.identifier)
        case TimedOut():
            return code_pb2.DEADLINE_EXCEEDED, shared_pb2.Timeout()
        case errors.AppendTooLarge():
            too_large = shared_pb2.MaximumAppendSizeExceeded(maxAppendSize=fault.limit)
            return code_pb2.INVALID_ARGUMENT, too_large
        case errors.EventTooLarge():
            return code_pb2.INVALID_ARGUMENT, _event_too_large(fault)
        case errors.InvalidArgument() | errors.HandlerFault():
            return code_pb2.INVALID_ARGUMENT, shared_pb2.BadRequest(message=str(fault))
        case _:
            return code_pb2.UNKNOWN, shared_pb2.Unknown()


def _wrong_version(fault: errors.WrongExpectedVersion) -> shared_pb2.WrongExpectedVersion:
    fields: dict[str, Any] = {}
    if fault.actual < 0:
        fields["current_no_stream"] = _EMPTY
    else:
        fields["current_stream_revision"] = fault.actual
    match fault.expected:
        case events.ANY:
            fields["expected_any"] = _EMPTY
        case events.STREAM_EXISTS:
            fields["expected_stream_exists"] = _EMPTY
        case events.NO_STREAM:
            fields["expected_no_stream"] = _EMPTY
        case revision:
            fields["expected_stream_position"] = revision
    return shared_pb2.WrongExpectedVersion(**fields)


def _event_too_large(fault: errors.EventTooLarge) -> any_pb2.Any:
    """Encode a message of newer servers that the stubs at hand do not have."""
    value = (
        responses.delimited(b"\x0a", fault.event_id.encode())
        + b"\x10"
        + responses.varint(fault.size)
        + b"\x18"
        + responses.varint(fault.limit)
    )
    name = "type.googleapis.com/event_store.client.MaximumAppendEventSizeExceeded"
    return any_pb2.Any(type_url=name, value=value)
