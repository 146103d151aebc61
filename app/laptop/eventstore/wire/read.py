"""Read: counted reads and catch-up subscriptions, of a stream and of ``$all``."""

from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from typing import Final, TypeAlias
from uuid import uuid4

from esdbclient.protos.Grpc import streams_pb2

from app.laptop.eventstore.errors import HandlerFault, InvalidArgument, StreamDeleted
from app.laptop.eventstore.events import MAX_POSITION, ResolvedEvent
from app.laptop.eventstore.filters import EventFilter, make_filter
from app.laptop.eventstore.storage.reader import Presence, StreamPage
from app.laptop.eventstore.store import Store
from app.laptop.eventstore.subscriptions import (
    AllRead,
    CaughtUp,
    Checkpoint,
    Confirmation,
    Message,
    StreamRead,
    read_all,
    read_stream,
    subscribe_to_all,
    subscribe_to_stream,
)

from . import requests, responses

Options: TypeAlias = streams_pb2.ReadReq.Options
Response = streams_pb2.ReadResp

_DEFAULT_WINDOW: Final = 32
_CAUGHT_UP: Final = Response(caught_up=Response.CaughtUp()).SerializeToString()


def read(store: Store, options: Options) -> AsyncGenerator[Iterable[bytes], None]:
    """Answer a Read with pages of encoded responses; each is encoded when its turn comes.

    Raises InvalidArgument or HandlerFault for what cannot be asked.
    """
    encode_id = _id_encoder(options)
    backwards = options.read_direction == Options.Backwards
    match (
        options.WhichOneof("stream_option"),
        options.WhichOneof("count_option"),
        options.WhichOneof("filter_option"),
        backwards,
    ):
        case ("stream", "count", "no_filter", _):
            return _stream(store, options, encode_id)
        case ("all", "count", "filter" | "no_filter", _):
            return _all(store, options, encode_id)
        case ("stream", "subscription", "no_filter", False):
            return _stream_subscription(store, options, encode_id)
        case ("all", "subscription", "filter" | "no_filter", False):
            return _all_subscription(store, options, encode_id)
        case (stream, count, filtered, _):
            direction = "Backwards" if backwards else "Forwards"
            asked = ", ".join(str(part) for part in (stream, count, direction, filtered))
            raise InvalidArgument(f"The combination of ({asked}) is invalid.")


async def _stream(
    store: Store, options: Options, encode_id: responses.IdEncoder
) -> AsyncGenerator[Iterable[bytes], None]:
    stream = requests.stream_name(options.stream.stream_identifier)
    asked = StreamRead(
        stream,
        _revision(options.stream),
        min(options.count, MAX_POSITION),
        backwards=options.read_direction == Options.Backwards,
        resolve=options.resolve_links,
    )
    first_page: StreamPage | None = None
    async for page in read_stream(store, asked):
        if first_page is None:
            first_page = page
            if page.state.presence is Presence.TOMBSTONED:
                raise StreamDeleted(stream)
            if page.state.presence is Presence.ABSENT:
                not_found = Response.StreamNotFound(stream_identifier=options.stream.stream_identifier)
                yield [Response(stream_not_found=not_found).SerializeToString()]
                return
        yield (responses.read_event(event, encode_id) for event in page.events)
    if first_page is not None and options.control_option.compatibility >= 1:
        yield [message.SerializeToString() for message in _edges(asked, first_page)]


def _edges(asked: StreamRead, page: StreamPage) -> list[Response]:
    """Tell newer clients where the stream begins and ends."""
    edges = []
    if not page.events and not asked.backwards and asked.first < page.state.first_visible:
        edges.append(Response(first_stream_position=page.state.first_visible))
    edges.append(Response(last_stream_position=page.state.last_revision))
    return edges


async def _all(store: Store, options: Options, encode_id: responses.IdEncoder) -> AsyncGenerator[Iterable[bytes], None]:
    asked = AllRead(
        _position(options.all),
        min(options.count, MAX_POSITION),
        backwards=options.read_direction == Options.Backwards,
        resolve=options.resolve_links,
        wanted=_filter(options),
    )
    async for events in read_all(store, asked):
        yield (responses.read_event(event, encode_id) for event in events)


async def _stream_subscription(
    store: Store, options: Options, encode_id: responses.IdEncoder
) -> AsyncGenerator[Iterable[bytes], None]:
    stream = requests.stream_name(options.stream.stream_identifier)
    first = _revision(options.stream)
    after = None if first == MAX_POSITION else first
    if options.stream.WhichOneof("revision_option") == "start":
        after = -1
    async with aclosing(subscribe_to_stream(store, stream, after, resolve=options.resolve_links)) as pages:
        async for messages in pages:
            yield (_encode(message, encode_id) for message in messages)


async def _all_subscription(
    store: Store, options: Options, encode_id: responses.IdEncoder
) -> AsyncGenerator[Iterable[bytes], None]:
    try:
        position = _position(options.all)
    except HandlerFault as error:
        raise InvalidArgument("Trying to read from an invalid position.") from error
    following = subscribe_to_all(
        store,
        None if position == MAX_POSITION else position,
        resolve=options.resolve_links,
        wanted=_filter(options),
        checkpoint_every=_checkpoint_every(options),
    )
    async with aclosing(following) as pages:
        async for messages in pages:
            yield (_encode(message, encode_id) for message in messages)


def _encode(message: Message, encode_id: responses.IdEncoder) -> bytes:
    match message:
        case ResolvedEvent():
            return responses.read_event(message, encode_id)
        case Checkpoint(position):
            checkpoint = Response.Checkpoint(commit_position=position, prepare_position=position)
            return Response(checkpoint=checkpoint).SerializeToString()
        case CaughtUp():
            return _CAUGHT_UP
        case Confirmation():
            confirmation = Response.SubscriptionConfirmation(subscription_id=str(uuid4()))
            return Response(confirmation=confirmation).SerializeToString()


def _id_encoder(options: Options) -> responses.IdEncoder:
    match options.uuid_option.WhichOneof("content"):
        case "string":
            return responses.string_id
        case "structured":
            return responses.structured_id
        case _:
            raise InvalidArgument("The option for ids is missing.")


def _revision(options: Options.StreamOptions) -> int:
    match options.WhichOneof("revision_option"):
        case "revision":
            return requests.revision(options.revision)
        case "start":
            return 0
        case "end":
            return MAX_POSITION
        case _:
            raise InvalidArgument("The revision to read from is missing.")


def _position(options: Options.AllOptions) -> int:
    match options.WhichOneof("all_option"):
        case "position":
            return requests.position(options.position.commit_position, options.position.prepare_position)
        case "start":
            return 0
        case "end":
            return MAX_POSITION
        case _:
            raise InvalidArgument("The position to read from is missing.")


def _filter(options: Options) -> EventFilter | None:
    if options.WhichOneof("filter_option") != "filter":
        return None
    match options.filter.WhichOneof("filter"):
        case "stream_identifier":
            expression = options.filter.stream_identifier
            return make_filter("stream", expression.regex, expression.prefix)
        case "event_type":
            expression = options.filter.event_type
            return make_filter("type", expression.regex, expression.prefix)
        case _:
            raise InvalidArgument("The filter's expression is missing.")


def _checkpoint_every(options: Options) -> int | None:
    if options.WhichOneof("filter_option") != "filter":
        return None
    window = options.filter.max if options.filter.WhichOneof("window") == "max" else _DEFAULT_WINDOW
    if options.filter.checkpointIntervalMultiplier == 0:
        raise HandlerFault("the checkpoint interval multiplier must be greater than 0")
    return max(1, window) * options.filter.checkpointIntervalMultiplier
