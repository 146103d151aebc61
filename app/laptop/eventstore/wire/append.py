"""Append, Delete and Tombstone: one call, one command."""

from collections.abc import AsyncIterator
from typing import Any

from esdbclient.protos.Grpc import shared_pb2, streams_pb2

from app.laptop.eventstore import events
from app.laptop.eventstore.commands import Append, Delete, Tombstone
from app.laptop.eventstore.errors import HandlerFault, InvalidArgument, WrongExpectedVersion
from app.laptop.eventstore.limits import Limits
from app.laptop.eventstore.store import Store

from . import requests
from .proposals import Proposals

_EMPTY = shared_pb2.Empty()

Options = streams_pb2.AppendReq.Options | streams_pb2.DeleteReq.Options | streams_pb2.TombstoneReq.Options


async def append(
    store: Store, limits: Limits, messages: AsyncIterator[streams_pb2.AppendReq]
) -> streams_pb2.AppendResp:
    """Read an append to its end, write it, answer. A wrong version is an ordinary answer here."""
    first = await anext(messages, None)
    if first is None or first.WhichOneof("content") != "options":
        raise HandlerFault("an append begins with its options")
    stream, expected = requests.stream_name(first.options.stream_identifier), expectation(first.options)
    proposals = Proposals(limits)
    async for message in messages:
        if message.WhichOneof("content") != "proposed_message":
            raise HandlerFault("after its options an append has events only")
        proposals.extend([message.proposed_message])
    try:
        place = await store.execute(Append(stream, expected, proposals.events))
    except WrongExpectedVersion as error:
        return streams_pb2.AppendResp(wrong_expected_version=_wrong_version(error))
    return streams_pb2.AppendResp(success=_success(place))


async def delete(store: Store, options: streams_pb2.DeleteReq.Options) -> streams_pb2.DeleteResp:
    """Delete a stream softly."""
    place = await store.execute(Delete(requests.stream_name(options.stream_identifier), expectation(options)))
    position = streams_pb2.DeleteResp.Position(commit_position=place.position, prepare_position=place.position)
    return streams_pb2.DeleteResp(position=position)


async def tombstone(store: Store, options: streams_pb2.TombstoneReq.Options) -> streams_pb2.TombstoneResp:
    """End a stream for good."""
    place = await store.execute(Tombstone(requests.stream_name(options.stream_identifier), expectation(options)))
    position = streams_pb2.TombstoneResp.Position(commit_position=place.position, prepare_position=place.position)
    return streams_pb2.TombstoneResp(position=position)


def expectation(options: Options) -> int:
    """Read where the writer expects the stream to stand. Raises InvalidArgument when it does not say."""
    match options.WhichOneof("expected_stream_revision"):
        case "revision":
            return requests.revision(options.revision)
        case "no_stream":
            return events.NO_STREAM
        case "any":
            return events.ANY
        case "stream_exists":
            return events.STREAM_EXISTS
        case _:
            raise InvalidArgument("The expected stream revision is missing.")


def _success(place: events.Appended) -> streams_pb2.AppendResp.Success:
    position = streams_pb2.AppendResp.Position(commit_position=place.position, prepare_position=place.position)
    if place.revision < 0:
        return streams_pb2.AppendResp.Success(no_stream=_EMPTY, position=position)
    return streams_pb2.AppendResp.Success(current_revision=place.revision, position=position)


def _wrong_version(error: WrongExpectedVersion) -> streams_pb2.AppendResp.WrongExpectedVersion:
    """Both generations of clients are answered: each fact stands in the message twice."""
    fields: dict[str, Any] = {}
    if error.actual < 0:
        fields |= {"current_no_stream": _EMPTY, "no_stream_20_6_0": _EMPTY}
    else:
        fields |= {"current_revision": error.actual, "current_revision_20_6_0": error.actual}
    match error.expected:
        case events.ANY:
            fields |= {"expected_any": _EMPTY, "any_20_6_0": _EMPTY}
        case events.STREAM_EXISTS:
            fields |= {"expected_stream_exists": _EMPTY, "stream_exists_20_6_0": _EMPTY}
        case events.NO_STREAM:
            fields |= {"expected_no_stream": _EMPTY}
        case revision:
            fields |= {"expected_revision": revision, "expected_revision_20_6_0": revision}
    return streams_pb2.AppendResp.WrongExpectedVersion(**fields)
