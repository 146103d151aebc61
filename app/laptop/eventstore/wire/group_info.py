"""What is told about a group to those who look on."""

from esdbclient.protos.Grpc import persistent_pb2

from app.laptop.eventstore.persistent.runner import Connection, GroupRunner
from app.laptop.eventstore.persistent.settings import format_place

Info = persistent_pb2.SubscriptionInfo


def info_of(runner: GroupRunner) -> Info:
    """Describe a group."""
    key, settings, group = runner.key, runner.configuration.settings, runner.group
    last_known = group.counters.last_known
    return Info(
        event_source=key.stream,
        group_name=key.group,
        status="Live" if runner.is_live else "Behind",
        connections=[_connection(connection) for connection in runner.connections],
        average_per_second=group.counters.average_per_second,
        total_items=group.counters.total,
        count_since_last_measurement=group.counters.since_measured,
        last_checkpointed_event_position="" if runner.checkpoint is None else format_place(key, runner.checkpoint),
        last_known_event_position="" if last_known is None else format_place(key, last_known),
        resolve_link_tos=settings.resolve_links,
        start_from=format_place(key, settings.start_from),
        message_timeout_milliseconds=settings.message_timeout_ms,
        extra_statistics=settings.extra_statistics,
        max_retry_count=settings.max_retry_count,
        live_buffer_size=settings.live_buffer_size,
        buffer_size=settings.history_buffer_size,
        read_batch_size=settings.read_batch_size,
        check_point_after_milliseconds=settings.checkpoint_after_ms,
        min_check_point_count=settings.min_checkpoint_count,
        max_check_point_count=settings.max_checkpoint_count,
        read_buffer_count=group.waiting,
        live_buffer_count=0,
        retry_buffer_count=group.retrying,
        total_in_flight_messages=group.in_flight,
        outstanding_messages_count=group.in_flight,
        named_consumer_strategy=settings.strategy,
        max_subscriber_count=settings.max_subscriber_count,
        parked_message_count=runner.parked_messages,
    )


def _connection(connection: Connection) -> Info.ConnectionInfo:
    consumer, client = connection.consumer, connection.client
    described = Info.ConnectionInfo(
        username=client.user,
        total_items=consumer.total,
        available_slots=consumer.buffer_size - consumer.in_flight,
        in_flight_messages=consumer.in_flight,
        connection_name=client.name,
    )
    setattr(described, "from", client.address)  # the field's name is a word of the language
    return described
