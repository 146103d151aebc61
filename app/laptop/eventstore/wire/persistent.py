"""The PersistentSubscriptions service."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any, Final

import grpc
from esdbclient.protos.Grpc import persistent_pb2, persistent_pb2_grpc

from app.laptop.eventstore import names
from app.laptop.eventstore.errors import EventStoreError, GroupFailed, HandlerFault, InvalidArgument
from app.laptop.eventstore.persistent.group import Nack
from app.laptop.eventstore.persistent.registry import PersistentSubscriptions
from app.laptop.eventstore.persistent.runner import Client, Connection
from app.laptop.eventstore.persistent.settings import GroupKey

from . import requests, responses
from .group_info import info_of
from .group_settings import key_of, settings_of
from .status import Context, reporting

_SERVICE: Final = "event_store.client.persistent_subscriptions.PersistentSubscriptions"

Request = persistent_pb2.ReadReq

_ACTIONS: Final = {
    Request.Nack.Unknown: Nack.RETRY,
    Request.Nack.Retry: Nack.RETRY,
    Request.Nack.Park: Nack.PARK,
    Request.Nack.Skip: Nack.SKIP,
    Request.Nack.Stop: Nack.STOP,
}

SomeGroup = (
    persistent_pb2.DeleteReq.Options
    | persistent_pb2.GetInfoReq.Options
    | persistent_pb2.ReplayParkedReq.Options
    | persistent_pb2.ReadReq.Options
)


class PersistentSubscriptionsService(persistent_pb2_grpc.PersistentSubscriptionsServicer):
    """Translates calls on groups."""

    def __init__(self, groups: PersistentSubscriptions) -> None:
        self._groups = groups

    async def Create(self, request: persistent_pb2.CreateReq, context: Context) -> Any:  # noqa: N802 - the protocol's name
        """Make a group."""
        async with reporting(context):
            await self._groups.create(key_of(request.options), settings_of(request.options))
            return persistent_pb2.CreateResp()

    async def Update(self, request: persistent_pb2.UpdateReq, context: Context) -> Any:  # noqa: N802 - as above
        """Change a group's settings."""
        async with reporting(context):
            await self._groups.update(key_of(request.options), settings_of(request.options))
            return persistent_pb2.UpdateResp()

    async def Delete(self, request: persistent_pb2.DeleteReq, context: Context) -> Any:  # noqa: N802 - as above
        """Delete a group."""
        async with reporting(context):
            await self._groups.delete(_key(request.options))
            return persistent_pb2.DeleteResp()

    async def GetInfo(self, request: persistent_pb2.GetInfoReq, context: Context) -> Any:  # noqa: N802 - as above
        """Describe a group."""
        async with reporting(context):
            runner = self._groups.get(_key(request.options))
            return persistent_pb2.GetInfoResp(subscription_info=info_of(runner))

    async def List(self, request: persistent_pb2.ListReq, context: Context) -> Any:  # noqa: N802 - as above
        """Describe the groups of one source, or all."""
        async with reporting(context):
            if request.options.WhichOneof("list_option") == "list_for_stream":
                chosen = request.options.list_for_stream
                every = chosen.WhichOneof("stream_option") == "all"
                runners = self._groups.of_stream(names.ALL if every else requests.stream_name(chosen.stream))
            else:
                runners = self._groups.every()
            return persistent_pb2.ListResp(subscriptions=[info_of(runner) for runner in runners])

    async def ReplayParked(self, request: persistent_pb2.ReplayParkedReq, context: Context) -> Any:  # noqa: N802 - as above
        """Deliver parked messages again."""
        async with reporting(context):
            options, key = request.options, _key(request.options)
            stop_at = options.stop_at if options.WhichOneof("stop_at_option") == "stop_at" else None
            if stop_at is not None and stop_at < 0:
                raise GroupFailed(key.stream, key.group, "Cannot stop replaying parked message at a negative version.")
            await self._groups.get(key).replay_parked(stop_at)
            return persistent_pb2.ReplayParkedResp()

    async def RestartSubsystem(self, request: Any, context: Context) -> Any:  # noqa: N802 - as above
        """Start all groups again from their checkpoints."""
        async with reporting(context):
            await self._groups.restart()
            return request

    async def Read(self, request_iterator: AsyncIterator[Request], context: Context) -> None:  # noqa: N802 - as above
        """Consume: messages out, answers in. The responses are encoded already."""
        async with reporting(context):
            first = await anext(request_iterator, None)
            if first is None or first.WhichOneof("content") != "options":
                raise HandlerFault("a subscription begins with its options")
            options, key = first.options, _key(first.options)
            connection = self._groups.connect(key, options.buffer_size, _client(context))
            answers = asyncio.create_task(_take_answers(request_iterator, connection))
            try:
                confirmation = persistent_pb2.ReadResp.SubscriptionConfirmation(subscription_id=key.title)
                response = persistent_pb2.ReadResp(subscription_confirmation=confirmation)
                await context.write(response.SerializeToString())
                await _send(connection, context, _id_encoder(options))
            finally:
                connection.close()
                answers.cancel()
                with suppress(asyncio.CancelledError):
                    await answers


def add_persistent_subscriptions(server: grpc.aio.Server, service: PersistentSubscriptionsService) -> None:
    """Register the service; Read first and by itself, for its responses need no encoding."""
    handler = grpc.stream_stream_rpc_method_handler(
        service.Read, request_deserializer=persistent_pb2.ReadReq.FromString
    )
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(_SERVICE, {"Read": handler}),))
    add: Any = persistent_pb2_grpc.add_PersistentSubscriptionsServicer_to_server
    add(service, server)


async def _send(connection: Connection, context: Context, encode_id: responses.IdEncoder) -> None:
    async for delivery in connection.deliveries():
        await context.write(responses.delivered_event(delivery.event, delivery.retries, encode_id))


async def _take_answers(incoming: AsyncIterator[Request], connection: Connection) -> None:
    """Take acks and nacks until the client sends no more; that by itself does not end the delivery."""
    try:
        async for request in incoming:
            match request.WhichOneof("content"):
                case "ack":
                    connection.ack([requests.event_id(uuid) for uuid in request.ack.ids])
                case "nack":
                    ids = [requests.event_id(uuid) for uuid in request.nack.ids]
                    action = _ACTIONS.get(request.nack.action, Nack.RETRY)
                    connection.nack(ids, action, request.nack.reason)
                case _:
                    raise HandlerFault("the options come once, at the beginning")
    except EventStoreError as error:
        connection.put(error)


def _key(options: SomeGroup) -> GroupKey:
    if options.WhichOneof("stream_option") == "all":
        return GroupKey(names.ALL, options.group_name)
    return GroupKey(requests.stream_name(options.stream_identifier), options.group_name)


def _id_encoder(options: persistent_pb2.ReadReq.Options) -> responses.IdEncoder:
    match options.uuid_option.WhichOneof("content"):
        case "string":
            return responses.string_id
        case "structured":
            return responses.structured_id
        case _:
            raise InvalidArgument("The option for ids is missing.")


def _client(context: Context) -> Client:
    headers = {key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)}
    return Client(context.peer(), headers.get("connection-name", ""), "anonymous")
