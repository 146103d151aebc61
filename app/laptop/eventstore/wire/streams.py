"""The Streams service."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import grpc
from esdbclient.protos.Grpc import streams_pb2, streams_pb2_grpc

from app.laptop.eventstore.errors import ServerStopping
from app.laptop.eventstore.limits import Limits
from app.laptop.eventstore.store import Store

from . import append
from .batch_append import BatchAppendCall
from .read import read
from .status import Context, reporting

SERVICE = "event_store.client.streams.Streams"


class StreamsService(streams_pb2_grpc.StreamsServicer):
    """Translates calls on streams to operations of the store."""

    def __init__(self, store: Store, limits: Limits) -> None:
        self._store = store
        self._limits = limits

    async def Append(  # noqa: N802 - the protocol's name
        self, request_iterator: AsyncIterator[streams_pb2.AppendReq], context: Context
    ) -> Any:
        """Append events to one stream."""
        async with reporting(context):
            return await append.append(self._store, self._limits, request_iterator)

    async def BatchAppend(  # noqa: N802 - the protocol's name
        self,
        request_iterator: AsyncIterator[streams_pb2.BatchAppendReq],  # noqa: ARG002 - the call reads for itself
        context: Context,
    ) -> None:
        """Append to many streams in one call; the responses are encoded already."""
        async with reporting(context):
            await BatchAppendCall(self._store, self._limits, context).run()

    async def Delete(self, request: streams_pb2.DeleteReq, context: Context) -> Any:  # noqa: N802 - as above
        """Delete a stream softly."""
        async with reporting(context):
            return await append.delete(self._store, request.options)

    async def Tombstone(self, request: streams_pb2.TombstoneReq, context: Context) -> Any:  # noqa: N802 - as above
        """End a stream for good."""
        async with reporting(context):
            return await append.tombstone(self._store, request.options)

    async def Read(self, request: streams_pb2.ReadReq, context: Context) -> None:  # noqa: N802 - as above
        """Read or follow a stream or ``$all``; the responses are encoded already."""
        async with reporting(context), aclosing(read(self._store, request.options)) as pages:
            async for messages in pages:
                for message in messages:
                    await context.write(message)
                    if self._store.notices.stopping:
                        raise ServerStopping


def add_streams(server: grpc.aio.Server, service: StreamsService) -> None:
    """Register the service; first and by themselves the calls whose responses are encoded already."""
    encoded = {
        "Read": grpc.unary_stream_rpc_method_handler(service.Read, request_deserializer=streams_pb2.ReadReq.FromString),
        "BatchAppend": grpc.stream_stream_rpc_method_handler(
            service.BatchAppend, request_deserializer=streams_pb2.BatchAppendReq.FromString
        ),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, encoded),))
    add: Any = streams_pb2_grpc.add_StreamsServicer_to_server
    add(service, server)
