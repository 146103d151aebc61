"""Settings of groups: out of the several forms in which clients send them, and into a group's information."""

from typing import Final

from esdbclient.protos.Grpc import persistent_pb2

from app.laptop.eventstore import names
from app.laptop.eventstore.errors import EventStoreError, GroupFailed, HandlerFault, InvalidArgument
from app.laptop.eventstore.events import MAX_POSITION
from app.laptop.eventstore.persistent.settings import (
    DISPATCH_TO_SINGLE,
    PINNED,
    ROUND_ROBIN,
    START_AT_END,
    FilterSettings,
    GroupKey,
    GroupSettings,
)

from . import requests

CreateOptions = persistent_pb2.CreateReq.Options
UpdateOptions = persistent_pb2.UpdateReq.Options
Options = CreateOptions | UpdateOptions

_TICKS_PER_MS: Final = 10_000
_ENUMERATED: Final = {0: DISPATCH_TO_SINGLE, 1: ROUND_ROBIN, 2: PINNED}


def key_of(options: Options) -> GroupKey:
    """Read which group is meant. Raises GroupFailed when ``$all`` is named as a stream."""
    match options.WhichOneof("stream_option"):
        case "all":
            return GroupKey(names.ALL, options.group_name)
        case "stream":
            stream = requests.stream_name(options.stream.stream_identifier)
        case _:  # the deprecated form, which the Node clients still send
            stream = requests.stream_name(options.stream_identifier)
    if stream == names.ALL:
        why = "Persistent subscriptions to $all use their own options."
        raise GroupFailed(stream, options.group_name, why)
    return GroupKey(stream, options.group_name)


def settings_of(options: Options) -> GroupSettings:
    """Read the settings of a group to be made or changed. Raises GroupFailed."""
    key = key_of(options)
    try:
        start_from = _start_from(options)
    except EventStoreError as error:
        raise GroupFailed(key.stream, key.group, "Invalid position.") from error
    sent = options.settings
    return GroupSettings(
        start_from=start_from,
        resolve_links=sent.resolve_links,
        extra_statistics=sent.extra_statistics,
        message_timeout_ms=_message_timeout(options),
        max_retry_count=sent.max_retry_count,
        live_buffer_size=sent.live_buffer_size,
        history_buffer_size=sent.history_buffer_size,
        read_batch_size=sent.read_batch_size,
        checkpoint_after_ms=_checkpoint_after(options),
        min_checkpoint_count=sent.min_checkpoint_count,
        max_checkpoint_count=sent.max_checkpoint_count,
        max_subscriber_count=sent.max_subscriber_count,
        strategy=_strategy(options),
        filter=_filter(options),
    )


def _start_from(options: Options) -> int:
    match options.WhichOneof("stream_option"):
        case "all":
            return _start_from_position(options)
        case "stream":
            return _start_from_revision(options)
        case _:
            return _or_end(requests.revision(options.settings.revision))


def _start_from_position(options: Options) -> int:
    match options.all.WhichOneof("all_option"):
        case "position":
            position = options.all.position
            return _or_end(requests.position(position.commit_position, position.prepare_position))
        case "start":
            return 0
        case "end":
            return START_AT_END
        case _:
            raise InvalidArgument("The position to start from is missing.")


def _start_from_revision(options: Options) -> int:
    match options.stream.WhichOneof("revision_option"):
        case "revision":
            return _or_end(requests.revision(options.stream.revision))
        case "start":
            return 0
        case "end":
            return START_AT_END
        case _:
            raise InvalidArgument("The revision to start from is missing.")


def _or_end(place: int) -> int:
    return START_AT_END if place == MAX_POSITION else place


def _message_timeout(options: Options) -> int:
    if options.settings.WhichOneof("message_timeout") == "message_timeout_ticks":
        return options.settings.message_timeout_ticks // _TICKS_PER_MS
    return options.settings.message_timeout_ms


def _checkpoint_after(options: Options) -> int:
    if options.settings.WhichOneof("checkpoint_after") == "checkpoint_after_ticks":
        return options.settings.checkpoint_after_ticks // _TICKS_PER_MS
    return options.settings.checkpoint_after_ms


def _strategy(options: Options) -> str:
    if isinstance(options, CreateOptions) and options.settings.consumer_strategy:
        return options.settings.consumer_strategy
    strategy = _ENUMERATED.get(options.settings.named_consumer_strategy)
    if strategy is None:
        raise HandlerFault(f"unknown strategy {options.settings.named_consumer_strategy}")
    return strategy


def _filter(options: Options) -> FilterSettings | None:
    if not isinstance(options, CreateOptions) or options.WhichOneof("stream_option") != "all":
        return None
    if options.all.WhichOneof("filter_option") != "filter":
        return None
    chosen = options.all.filter
    match chosen.WhichOneof("filter"):
        case "stream_identifier":
            expression = chosen.stream_identifier
            return FilterSettings("stream", expression.regex, tuple(expression.prefix))
        case "event_type":
            expression = chosen.event_type
            return FilterSettings("type", expression.regex, tuple(expression.prefix))
        case _:
            raise InvalidArgument("The filter's expression is missing.")
