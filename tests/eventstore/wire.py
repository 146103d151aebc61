"""The protocol spoken by hand, for what no client of the library asks."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import grpc
from esdbclient.protos.Grpc import shared_pb2, streams_pb2
from google.protobuf import duration_pb2, empty_pb2

SERVICE = "/event_store.client.streams.Streams/"
EMPTY = shared_pb2.Empty()
STRING_IDS = streams_pb2.ReadReq.Options.UUIDOption(string=EMPTY)

BatchRequest = streams_pb2.BatchAppendReq
ReadOptions = streams_pb2.ReadReq.Options


@dataclass(frozen=True)
class Failure:
    """How a call ended."""

    code: grpc.StatusCode
    details: str
    trailers: dict[str, str]


@asynccontextmanager
async def channel(address: str) -> AsyncIterator[grpc.aio.Channel]:
    """Connect for as long as the body runs."""
    async with grpc.aio.insecure_channel(address) as connected:
        yield connected


def identifier(stream: str | bytes) -> shared_pb2.StreamIdentifier:
    """Name a stream."""
    return shared_pb2.StreamIdentifier(stream_name=stream if isinstance(stream, bytes) else stream.encode())


def proposal(kind: type[Any], data: bytes = b"{}", **changes: Any) -> Any:
    """Make a proposed message of one of the two kinds."""
    fields: dict[str, Any] = {
        "id": shared_pb2.UUID(string=str(uuid4())),
        "metadata": {"type": "Happened", "content-type": "application/json"},
        "data": data,
    }
    return kind(**(fields | changes))


def batch(stream: str, *, final: bool = True, **changes: Any) -> BatchRequest:
    """Make a batch append of one event in one chunk, with any expectation."""
    options = BatchRequest.Options(
        stream_identifier=identifier(stream),
        any=empty_pb2.Empty(),
        deadline=duration_pb2.Duration(seconds=5),
    )
    return chunk(final=final, **({"options": options} | changes))


def chunk(*, final: bool = True, **changes: Any) -> BatchRequest:
    """Make a chunk of one event that continues a batch append."""
    fields: dict[str, Any] = {
        "correlation_id": shared_pb2.UUID(string=str(uuid4())),
        "proposed_messages": [proposal(BatchRequest.ProposedMessage)],
        "is_final": final,
    }
    return BatchRequest(**(fields | changes))


async def append(
    connected: grpc.aio.Channel, options: streams_pb2.AppendReq.Options | None, messages: Sequence[Any] = ()
) -> streams_pb2.AppendResp:
    """Call Append."""
    requests = [streams_pb2.AppendReq(proposed_message=message) for message in messages]
    if options is not None:
        requests.insert(0, streams_pb2.AppendReq(options=options))
    call: Any = connected.stream_unary(
        f"{SERVICE}Append", streams_pb2.AppendReq.SerializeToString, streams_pb2.AppendResp.FromString
    )
    answer: streams_pb2.AppendResp = await call(iter(requests), timeout=10)
    return answer


async def batch_append(
    connected: grpc.aio.Channel, requests: Sequence[BatchRequest]
) -> list[streams_pb2.BatchAppendResp]:
    """Call BatchAppend; return all answers in the order they came."""
    call: Any = connected.stream_stream(
        f"{SERVICE}BatchAppend", BatchRequest.SerializeToString, streams_pb2.BatchAppendResp.FromString
    )
    return [answer async for answer in call(iter(requests), timeout=10)]


async def read(connected: grpc.aio.Channel, options: ReadOptions) -> list[streams_pb2.ReadResp]:
    """Call Read to its end."""
    call: Any = connected.unary_stream(
        f"{SERVICE}Read", streams_pb2.ReadReq.SerializeToString, streams_pb2.ReadResp.FromString
    )
    return [answer async for answer in call(streams_pb2.ReadReq(options=options), timeout=10)]


async def unary(connected: grpc.aio.Channel, method: str, request: Any, answer: type[Any]) -> Any:
    """Call a method with one request and one answer."""
    serialize: Callable[[Any], bytes] = type(request).SerializeToString
    call: Any = connected.unary_unary(method, serialize, answer.FromString)
    return await call(request, timeout=10)


def failure(error: grpc.aio.AioRpcError) -> Failure:
    """Return how a call ended, in a form that can be compared."""
    metadata: Any = error.trailing_metadata()
    trailers = {str(key): str(value) for key, value in metadata or ()}
    return Failure(error.code(), error.details() or "", trailers)
