"""Statuses, texts and trailers to the letter: clients recognise faults by them."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import grpc
import pytest
from esdbclient.protos.Grpc import code_pb2, persistent_pb2, shared_pb2, streams_pb2
from google.protobuf import duration_pb2, empty_pb2, timestamp_pb2

from tests.support.eventstore_process import EventStoreProcess

from . import wire

AppendOptions = streams_pb2.AppendReq.Options
AppendMessage = streams_pb2.AppendReq.ProposedMessage
BatchMessage = streams_pb2.BatchAppendReq.ProposedMessage
BatchOptions = streams_pb2.BatchAppendReq.Options
Filter = wire.ReadOptions.FilterOptions

INVALID = grpc.StatusCode.INVALID_ARGUMENT
UNKNOWN = grpc.StatusCode.UNKNOWN
THROWN = "Exception was thrown by handler."


@pytest.fixture
async def connected(server: EventStoreProcess) -> AsyncIterator[grpc.aio.Channel]:
    async with wire.channel(server.address) as channel:
        yield channel


def to_any(stream: str) -> AppendOptions:
    return AppendOptions(stream_identifier=wire.identifier(stream), any=wire.EMPTY)


async def fails(call: Any) -> wire.Failure:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return wire.failure(caught.value)


class TestAppend:
    async def test_a_wrong_version_is_an_ordinary_answer_told_twice(
        self, connected: grpc.aio.Channel, stream: str
    ) -> None:
        options = AppendOptions(stream_identifier=wire.identifier(stream), revision=3)
        answer = (await wire.append(connected, options, [wire.proposal(AppendMessage)])).wrong_expected_version
        assert answer.WhichOneof("current_revision_option") == "current_no_stream"
        assert answer.WhichOneof("current_revision_option_20_6_0") == "no_stream_20_6_0"
        assert answer.expected_revision == answer.expected_revision_20_6_0 == 3

    async def test_an_append_of_nothing_succeeds_where_the_expectation_holds(
        self, connected: grpc.aio.Channel, stream: str
    ) -> None:
        empty = await wire.append(connected, to_any(stream))
        assert empty.success.WhichOneof("current_revision_option") == "no_stream"
        await wire.append(connected, to_any(stream), [wire.proposal(AppendMessage)])
        assert (await wire.append(connected, to_any(stream))).success.current_revision == 0

    @pytest.mark.parametrize("missing", ["type", "content-type"])
    async def test_type_and_content_type_are_required(
        self, connected: grpc.aio.Channel, stream: str, missing: str
    ) -> None:
        metadata = {"type": "Happened", "content-type": "application/json"}
        del metadata[missing]
        message = wire.proposal(AppendMessage, metadata=metadata)
        assert await fails(wire.append(connected, to_any(stream), [message])) == wire.Failure(
            INVALID,
            f"Required Metadata Property '{missing}' is missing",
            {
                "exception": "missing-required-metadata-property",
                "required-metadata-properties": "type,content-type",
            },
        )

    async def test_too_much_is_refused_with_the_limit(self, connected: grpc.aio.Channel, stream: str) -> None:
        message = wire.proposal(AppendMessage, bytes(1_048_577))
        assert await fails(wire.append(connected, to_any(stream), [message])) == wire.Failure(
            INVALID,
            "Maximum Append Size of 1048576 Exceeded.",
            {"exception": "maximum-append-size-exceeded", "maximum-append-size": "1048576"},
        )

    @pytest.mark.parametrize(
        "changes",
        [
            {"id": shared_pb2.UUID(string=str(UUID(int=0)))},
            {"id": shared_pb2.UUID()},
            {"metadata": {"type": "", "content-type": "application/json"}},
        ],
    )
    async def test_an_event_needs_an_id_and_a_type(
        self, connected: grpc.aio.Channel, stream: str, changes: dict[str, Any]
    ) -> None:
        message = wire.proposal(AppendMessage, **changes)
        assert await fails(wire.append(connected, to_any(stream), [message])) == wire.Failure(UNKNOWN, THROWN, {})

    async def test_an_id_must_be_a_uuid(self, connected: grpc.aio.Channel, stream: str) -> None:
        message = wire.proposal(AppendMessage, id=shared_pb2.UUID(string="nonsense"))
        assert (await fails(wire.append(connected, to_any(stream), [message]))).code is INVALID

    @pytest.mark.parametrize("name", [b"", b"$$", b"\xff\xfe"])
    async def test_a_stream_needs_a_name(self, connected: grpc.aio.Channel, name: bytes) -> None:
        options = AppendOptions(stream_identifier=wire.identifier(name), any=wire.EMPTY)
        assert (await fails(wire.append(connected, options))).code is UNKNOWN

    async def test_options_and_an_expectation_are_required(self, connected: grpc.aio.Channel, stream: str) -> None:
        without_options = wire.append(connected, None, [wire.proposal(AppendMessage)])
        assert (await fails(without_options)).code is UNKNOWN
        without_expectation = AppendOptions(stream_identifier=wire.identifier(stream))
        assert (await fails(wire.append(connected, without_expectation))).code is INVALID

    async def test_trailers_are_ascii_whatever_the_stream_is_called(
        self, connected: grpc.aio.Channel, stream: str
    ) -> None:
        name = f"größe-{stream}"
        request = streams_pb2.TombstoneReq(
            options=streams_pb2.TombstoneReq.Options(stream_identifier=wire.identifier(name), any=wire.EMPTY)
        )
        method = f"{wire.SERVICE}Tombstone"
        await wire.unary(connected, method, request, streams_pb2.TombstoneResp)
        assert await fails(wire.append(connected, to_any(name))) == wire.Failure(
            grpc.StatusCode.FAILED_PRECONDITION,
            f"Event stream '{name}' is deleted.",
            {"exception": "stream-deleted", "stream-name": f"gr%C3%B6%C3%9Fe-{stream}"},
        )


class TestDelete:
    async def test_a_wrong_version_is_an_error_here(self, connected: grpc.aio.Channel, stream: str) -> None:
        await wire.append(connected, to_any(stream), [wire.proposal(AppendMessage)])
        request = streams_pb2.DeleteReq(
            options=streams_pb2.DeleteReq.Options(stream_identifier=wire.identifier(stream), revision=5)
        )
        method = f"{wire.SERVICE}Delete"
        assert await fails(wire.unary(connected, method, request, streams_pb2.DeleteResp)) == wire.Failure(
            grpc.StatusCode.FAILED_PRECONDITION,
            f"Delete failed due to WrongExpectedVersion. Stream: {stream}, Expected version: 5, Actual version: 0",
            {
                "exception": "wrong-expected-version",
                "stream-name": stream,
                "expected-version": "5",
                "actual-version": "0",
            },
        )


class TestBatchAppend:
    async def test_many_appends_share_one_call_and_are_told_apart(
        self, connected: grpc.aio.Channel, stream: str
    ) -> None:
        requests = [wire.batch(f"{stream}-{number}") for number in range(300)]
        answers = await wire.batch_append(connected, requests)
        assert {a.correlation_id.string for a in answers} == {r.correlation_id.string for r in requests}
        by_id = {request.correlation_id.string: request for request in requests}
        assert all(
            answer.stream_identifier == by_id[answer.correlation_id.string].options.stream_identifier
            for answer in answers
        )
        assert {answer.WhichOneof("result") for answer in answers} == {"success"}

    async def test_an_append_in_chunks_is_answered_once_and_whole(
        self, connected: grpc.aio.Channel, stream: str
    ) -> None:
        first = wire.batch(stream, final=False)
        middle = wire.chunk(final=False, correlation_id=first.correlation_id)
        stray = wire.chunk()
        last = wire.chunk(correlation_id=first.correlation_id)
        answers = await wire.batch_append(connected, [first, stray, middle, last])
        assert [answer.success.current_revision for answer in answers] == [2]

    async def test_errors_are_answers_and_the_call_goes_on(self, connected: grpc.aio.Channel, stream: str) -> None:
        wrong = wire.batch(
            stream,
            options=BatchOptions(
                stream_identifier=wire.identifier(stream),
                stream_position=4,
                deadline=duration_pb2.Duration(seconds=1),
            ),
        )
        nameless = wire.batch("")
        malformed = wire.batch(stream, proposed_messages=[wire.proposal(BatchMessage, metadata={})])
        too_large = wire.batch(stream, proposed_messages=[wire.proposal(BatchMessage, bytes(700_000))] * 2)
        late = wire.batch(
            stream,
            options=BatchOptions(
                stream_identifier=wire.identifier(stream),
                any=empty_pb2.Empty(),
                deadline=duration_pb2.Duration(seconds=0),
            ),
        )
        good = wire.batch(stream)
        requests = [wrong, nameless, malformed, too_large, late, good]
        answers = {a.correlation_id.string: a for a in await wire.batch_append(connected, requests)}
        in_order = [answers[request.correlation_id.string] for request in requests]
        assert [answer.error.code for answer in in_order[:-1]] == [
            code_pb2.ALREADY_EXISTS,
            code_pb2.INVALID_ARGUMENT,
            code_pb2.INVALID_ARGUMENT,
            code_pb2.INVALID_ARGUMENT,
            code_pb2.DEADLINE_EXCEEDED,
        ]
        assert [answer.error.details.type_url.rpartition(".")[2] for answer in in_order[:-1]] == [
            "WrongExpectedVersion",
            "BadRequest",
            "BadRequest",
            "MaximumAppendSizeExceeded",
            "Timeout",
        ]
        assert in_order[-1].success.current_revision == 0

    async def test_a_deadline_may_be_a_moment_and_may_be_absurdly_far(
        self, connected: grpc.aio.Channel, stream: str
    ) -> None:
        far = duration_pb2.Duration(seconds=315_576_000_000)
        past = timestamp_pb2.Timestamp(seconds=1)
        future = timestamp_pb2.Timestamp(seconds=253_402_300_799)
        results = []
        deadlines: list[dict[str, Any]] = [
            {"deadline": far},
            {"deadline_21_10_0": past},
            {"deadline_21_10_0": future},
        ]
        for deadline in deadlines:
            options = BatchOptions(
                stream_identifier=wire.identifier(stream),
                any=empty_pb2.Empty(),
                **deadline,
            )
            answers = await wire.batch_append(connected, [wire.batch(stream, options=options)])
            results.append(answers[0].WhichOneof("result"))
        assert results == ["success", "error", "success"]

    async def test_a_call_cancelled_after_its_answer_undoes_nothing(
        self, connected: grpc.aio.Channel, stream: str
    ) -> None:
        start: Any = connected.stream_stream(
            f"{wire.SERVICE}BatchAppend",
            streams_pb2.BatchAppendReq.SerializeToString,
            streams_pb2.BatchAppendResp.FromString,
        )
        call = start()
        await call.write(wire.batch(stream))
        answer = await call.read()
        call.cancel()
        assert answer.success.current_revision == 0
        assert (await wire.append(connected, to_any(stream))).success.current_revision == 0


class TestRead:
    async def test_a_missing_stream_is_a_message_and_no_error(self, connected: grpc.aio.Channel, stream: str) -> None:
        answers = await wire.read(connected, self.of_stream(stream))
        assert [answer.WhichOneof("content") for answer in answers] == ["stream_not_found"]
        assert answers[0].stream_not_found.stream_identifier.stream_name.decode() == stream

    async def test_ids_come_in_the_form_asked_for(self, connected: grpc.aio.Channel, stream: str) -> None:
        event_id = uuid4()
        high, low = event_id.int >> 64, event_id.int & (2**64 - 1)
        structured = shared_pb2.UUID.Structured(
            most_significant_bits=high - (high >> 63 << 64), least_significant_bits=low - (low >> 63 << 64)
        )
        message = wire.proposal(AppendMessage, id=shared_pb2.UUID(structured=structured))
        await wire.append(connected, to_any(stream), [message])
        (as_text,) = await wire.read(connected, self.of_stream(stream))
        (as_numbers,) = await wire.read(
            connected,
            self.of_stream(stream, uuid_option=wire.ReadOptions.UUIDOption(structured=wire.EMPTY)),
        )
        assert as_text.event.event.id.string == str(event_id)
        assert as_numbers.event.event.id.structured == structured

    async def test_an_event_carries_its_metadata_as_text(self, connected: grpc.aio.Channel, stream: str) -> None:
        await wire.append(connected, to_any(stream), [wire.proposal(AppendMessage)])
        (answer,) = await wire.read(connected, self.of_stream(stream))
        event = answer.event.event
        assert set(event.metadata) == {"type", "created", "content-type"}
        assert int(event.metadata["created"]) > 10**16
        assert event.commit_position == event.prepare_position == answer.event.commit_position

    async def test_where_the_stream_begins_and_ends_is_told_to_those_who_ask(
        self, connected: grpc.aio.Channel, stream: str
    ) -> None:
        await wire.append(connected, to_any(stream), [wire.proposal(AppendMessage) for _ in range(3)])
        newer = wire.ReadOptions.ControlOption(compatibility=1)
        answers = await wire.read(connected, self.of_stream(stream, control_option=newer))
        assert [answer.WhichOneof("content") for answer in answers] == [*["event"] * 3, "last_stream_position"]
        assert answers[-1].last_stream_position == 2

    @pytest.mark.parametrize(
        "changes",
        [
            {"filter": Filter(max=1, checkpointIntervalMultiplier=1)},
            {"uuid_option": None},
            {"stream": wire.ReadOptions.StreamOptions()},
            {"subscription": wire.ReadOptions.SubscriptionOptions(), "read_direction": 1},
        ],
    )
    async def test_what_cannot_be_combined_is_refused(
        self, connected: grpc.aio.Channel, stream: str, changes: dict[str, Any]
    ) -> None:
        failed = await fails(wire.read(connected, self.of_stream(stream, **changes)))
        assert failed.code in (INVALID, UNKNOWN)

    async def test_a_broken_pattern_is_refused(self, connected: grpc.aio.Channel) -> None:
        broken = Filter(stream_identifier=Filter.Expression(regex="("), max=32, checkpointIntervalMultiplier=1)
        failed = await fails(wire.read(connected, self.of_all(filter=broken)))
        assert failed.code is INVALID
        assert "pattern" in failed.details

    async def test_prefixes_filter_too(self, connected: grpc.aio.Channel, stream: str) -> None:
        await wire.append(connected, to_any(stream), [wire.proposal(AppendMessage)])
        expression = Filter.Expression(prefix=["nothing", stream])
        chosen = Filter(stream_identifier=expression, max=32, checkpointIntervalMultiplier=1)
        answers = await wire.read(connected, self.of_all(filter=chosen))
        assert [a.event.event.stream_identifier.stream_name.decode() for a in answers] == [stream]

    async def test_an_impossible_position_is_refused(self, connected: grpc.aio.Channel) -> None:
        position = wire.ReadOptions.Position(commit_position=1, prepare_position=2)
        backwards_in_time = wire.ReadOptions.AllOptions(position=position)
        assert (await fails(wire.read(connected, self.of_all(all=backwards_in_time)))).code is UNKNOWN
        following = self.of_all(all=backwards_in_time)
        following.subscription.CopyFrom(wire.ReadOptions.SubscriptionOptions())
        assert await fails(wire.read(connected, following)) == wire.Failure(
            INVALID, "Trying to read from an invalid position.", {}
        )

    @staticmethod
    def of_stream(name: str, /, **changes: Any) -> wire.ReadOptions:
        options = wire.ReadOptions.StreamOptions(stream_identifier=wire.identifier(name), start=wire.EMPTY)
        fields: dict[str, Any] = {
            "stream": options,
            "count": 1000,
            "no_filter": wire.EMPTY,
            "uuid_option": wire.STRING_IDS,
        }
        return TestRead._options(fields, changes)

    @staticmethod
    def of_all(**changes: Any) -> wire.ReadOptions:
        fields: dict[str, Any] = {
            "all": wire.ReadOptions.AllOptions(start=wire.EMPTY),
            "count": 1000,
            "no_filter": wire.EMPTY,
            "uuid_option": wire.STRING_IDS,
        }
        return TestRead._options(fields, changes)

    @staticmethod
    def _options(fields: dict[str, Any], changes: dict[str, Any]) -> wire.ReadOptions:
        if "filter" in changes:
            del fields["no_filter"]
        if "subscription" in changes:
            del fields["count"]
        return wire.ReadOptions(**(fields | changes))


class TestPersistentSubscriptions:
    SERVICE = "/event_store.client.persistent_subscriptions.PersistentSubscriptions/"

    async def create(self, connected: grpc.aio.Channel, **options: Any) -> Any:
        request = persistent_pb2.CreateReq(options=persistent_pb2.CreateReq.Options(**options))
        return await wire.unary(connected, f"{self.SERVICE}Create", request, persistent_pb2.CreateResp)

    def settings(self, **changes: Any) -> persistent_pb2.CreateReq.Settings:
        fields: dict[str, Any] = {
            "read_batch_size": 20,
            "history_buffer_size": 500,
            "live_buffer_size": 500,
            "max_retry_count": 10,
            "message_timeout_ms": 30_000,
        }
        return persistent_pb2.CreateReq.Settings(**(fields | changes))

    async def test_the_deprecated_form_is_understood(self, connected: grpc.aio.Channel, stream: str) -> None:
        """Both official Node clients use it for groups on streams."""
        await self.create(
            connected,
            stream_identifier=wire.identifier(stream),
            group_name="g",
            settings=self.settings(revision=2**64 - 1, message_timeout_ticks=50_000_000),
        )
        request = persistent_pb2.GetInfoReq(
            options=persistent_pb2.GetInfoReq.Options(stream_identifier=wire.identifier(stream), group_name="g")
        )
        answer = await wire.unary(connected, f"{self.SERVICE}GetInfo", request, persistent_pb2.GetInfoResp)
        info = answer.subscription_info
        assert (info.start_from, info.named_consumer_strategy) == ("-1", "DispatchToSingle")
        assert info.message_timeout_milliseconds == 5_000

    @pytest.mark.parametrize(
        ("changes", "why"),
        [
            ({"consumer_strategy": "Guess"}, "Consumer strategy Guess does not exist."),
            ({"read_batch_size": 500}, "may not be greater than or equal to BufferSize"),
            ({"max_retry_count": -1}, "should be non negative"),
        ],
    )
    async def test_settings_that_cannot_be_are_refused_with_the_reason(
        self, connected: grpc.aio.Channel, stream: str, changes: dict[str, Any], why: str
    ) -> None:
        failed = await fails(
            self.create(
                connected,
                stream_identifier=wire.identifier(stream),
                group_name="g",
                settings=self.settings(**changes),
            )
        )
        assert failed.code is grpc.StatusCode.INTERNAL
        assert failed.details.startswith(f"Subscription group g on stream {stream} failed: '")
        assert why in failed.trailers["reason"]
        assert failed.trailers["exception"] == "persistent-subscription-failed"

    async def test_an_unknown_group_is_not_found(self, connected: grpc.aio.Channel, stream: str) -> None:
        request = persistent_pb2.DeleteReq(
            options=persistent_pb2.DeleteReq.Options(stream_identifier=wire.identifier(stream), group_name="g")
        )
        call = wire.unary(connected, f"{self.SERVICE}Delete", request, persistent_pb2.DeleteResp)
        assert await fails(call) == wire.Failure(
            grpc.StatusCode.NOT_FOUND,
            f"Subscription group g on stream {stream} does not exist.",
            {
                "exception": "persistent-subscription-does-not-exist",
                "stream-name": stream,
                "group-name": "g",
            },
        )


async def test_an_idle_client_that_pings_is_not_thrown_out(server: EventStoreProcess) -> None:
    """gRPC's own policy would end the connection after a few pings without data."""
    options = (
        ("grpc.keepalive_time_ms", 1_000),
        ("grpc.keepalive_timeout_ms", 1_000),
        ("grpc.http2.max_pings_without_data", 0),
        ("grpc.keepalive_permit_without_calls", 1),
    )
    async with grpc.aio.insecure_channel(server.address, options) as channel:
        start: Any = channel.unary_stream(
            f"{wire.SERVICE}Read", streams_pb2.ReadReq.SerializeToString, streams_pb2.ReadResp.FromString
        )
        following = TestRead.of_stream(f"idle-{uuid4().hex}", subscription=wire.ReadOptions.SubscriptionOptions())
        call = start(streams_pb2.ReadReq(options=following))
        assert (await call.read()).WhichOneof("content") == "confirmation"
        assert (await call.read()).WhichOneof("content") == "caught_up"
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(asyncio.ensure_future(call.read())), 4.5)
        assert not call.done()
        call.cancel()
