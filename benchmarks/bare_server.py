"""A gRPC server that stores nothing: what the same client gets out of it is the most that it could get out of any.

It is made of the same library and options as the embedded event store, answers each append at once, and each read
with one event, encoded beforehand, over and over.
"""

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import uuid4

import grpc
import uvloop
from esdbclient.protos.Grpc import streams_pb2

from app.laptop.eventstore.events import RecordedEvent, ResolvedEvent
from app.laptop.eventstore.server import CHANNEL_OPTIONS
from app.laptop.eventstore.wire import responses
from app.laptop.eventstore.wire.features import add_features
from app.laptop.eventstore.wire.gossip import GossipService, add_gossip
from app.laptop.eventstore.wire.status import Context
from app.laptop.eventstore.wire.streams import SERVICE


@dataclass(frozen=True)
class BareServer:
    """One that runs."""

    uri: str
    pid: int


@contextmanager
def running(data: bytes) -> Iterator[BareServer]:
    """Run one in a process of its own; the event that readers get carries `data`."""
    command = [sys.executable, "-m", __name__, data.decode()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            if process.stdout is None:
                raise RuntimeError("the server's output cannot be read")
            port = int(process.stdout.readline())
            yield BareServer(f"esdb://127.0.0.1:{port}?tls=false", process.pid)
        finally:
            process.terminate()


async def _serve(data: bytes) -> None:
    server = grpc.aio.server(options=CHANNEL_OPTIONS)
    port = server.add_insecure_port("127.0.0.1:0")
    handlers = {
        "Read": grpc.unary_stream_rpc_method_handler(
            _endless_read(data), request_deserializer=streams_pb2.ReadReq.FromString
        ),
        "BatchAppend": grpc.stream_stream_rpc_method_handler(
            _append, request_deserializer=streams_pb2.BatchAppendReq.FromString
        ),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    add_gossip(server, GossipService("127.0.0.1", port))
    add_features(server)
    await server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    await server.wait_for_termination()


def _endless_read(data: bytes) -> Callable[[streams_pb2.ReadReq, Context], Awaitable[None]]:
    confirmation = streams_pb2.ReadResp.SubscriptionConfirmation(subscription_id=str(uuid4()))
    first = streams_pb2.ReadResp(confirmation=confirmation).SerializeToString()
    event = RecordedEvent(
        position=123_456_789,
        stream="bench-1",
        revision=1_000,
        created=17_000_000_000_000_000,
        id=uuid4().bytes,
        type="PaymentCaptured",
        data=data,
        metadata=b"",
        is_json=True,
    )
    message = responses.read_event(ResolvedEvent(event), responses.string_id)

    async def read(_: streams_pb2.ReadReq, context: Context) -> None:
        await context.write(first)
        while True:
            await context.write(message)

    return read


async def _append(_: object, context: Context) -> None:
    request = await context.read()
    answer = streams_pb2.BatchAppendResp(
        correlation_id=request.correlation_id, stream_identifier=request.options.stream_identifier
    )
    answer.success.current_revision = 0
    answer.success.position.commit_position = answer.success.position.prepare_position = 123_456_789
    await context.write(answer.SerializeToString())
    await context.read()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(sys.argv[1].encode()))
