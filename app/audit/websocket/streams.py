"""Subscriptions: what they send, how they are stopped, and that they mind their own business."""

from app.audit.documents import REFUSED
from app.audit.model import NotExamined, NotMet
from app.audit.results import check_data
from app.audit.target import Target
from app.audit.websocket.suite import SUITE, check_closed, check_ends_with, check_nothing_of
from app.audit.wire import Message

_ATTEMPTS = 5


@SUITE.must("stream", "A subscription sends its values as next and then one complete")
async def _stream(target: Target) -> str:
    watching = await target.finite()
    async with target.ready_socket() as wire:
        messages = await wire.run("1", watching)
        check_nothing_of("1", await wire.round_trip())
    check_ends_with(messages, "complete")
    for message in messages[:-1]:
        check_data(message["payload"])
    if len(messages) < 3:
        raise NotMet(f"{len(messages) - 1} values, where the scenario has two")
    return "values, complete"


@SUITE.must("streams-side-by-side", "Two subscriptions on one socket each get all of their values")
async def _side_by_side(target: Target) -> str:
    watching = await target.finite()
    values: dict[str, list[object]] = {"one": [], "other": []}
    open_streams = set(values)
    async with target.ready_socket() as wire:
        for operation_id in values:
            await wire.subscribe(operation_id, watching)
        while open_streams:
            message = await wire.hear()
            if message["type"] == "next":
                values[message["id"]].append(message["payload"])
            else:
                check_ends_with([message], "complete")
                open_streams.discard(message["id"])
    if min(len(each) for each in values.values()) < 2:
        raise NotMet("a subscription lacks values")
    return "all values"


@SUITE.must("query-beside-stream", "A query is answered while a subscription is open")
async def _query_beside(target: Target) -> str:
    watching = await target.lasting()
    async with target.ready_socket() as wire:
        await wire.subscribe("stream", watching)
        await wire.first("stream")
        check_ends_with(await wire.run("query", target.query), "complete")
    return "answered"


@SUITE.must("duplicate-id", "An id that a subscription is using is closed with 4409")
async def _duplicate_id(target: Target) -> str:
    watching = await target.lasting()
    async with target.ready_socket() as wire:
        await wire.subscribe("1", watching)
        await wire.first("1")
        await wire.subscribe("1", watching)
        return await check_closed(wire, 4409)


@SUITE.must("duplicate-id-at-once", "An id that was given to two subscriptions at once is closed with 4409")
async def _duplicate_id_at_once(target: Target) -> str:
    watching = await target.lasting()
    async with target.ready_socket() as wire:
        await wire.subscribe("1", watching)
        await wire.subscribe("1", watching)
        return await check_closed(wire, 4409)


@SUITE.should("duplicate-id-reason", "The close with 4409 names the id")
async def _duplicate_id_reason(target: Target) -> str:
    watching = await target.lasting()
    async with target.ready_socket() as wire:
        await wire.subscribe("twice-used", watching)
        await wire.subscribe("twice-used", watching)
        closing = await wire.closing()
    if "twice-used" not in closing.reason:
        raise NotMet(f"the reason is {closing.reason!r}")
    return closing.reason


async def _heard_after_stop(target: Target, *, at_once: bool = False) -> list[Message]:
    """What is said for an operation after the server must know that its client has stopped it."""
    for _ in range(_ATTEMPTS):
        heard = await _stopped(target, at_once=at_once)
        if heard is not None:
            return heard
    raise NotExamined("the subscription was over before it could be stopped")


async def _stopped(target: Target, *, at_once: bool) -> list[Message] | None:
    """One attempt; None when the subscription was over too soon."""
    watching = await target.finite()
    heard: list[Message] = []
    async with target.ready_socket() as wire:
        await wire.subscribe("stopped", watching)
        if not at_once:
            await wire.first("stopped")
        await wire.send("complete", id="stopped")
        # Until its answer, what had been sent before the server knew may still come in.
        if any(message["type"] == "complete" for message in await wire.round_trip()):
            return None
        # A second watcher of the same: when it has seen the end, the first would have seen it too.
        await wire.subscribe("watching", watching)
        while (message := await wire.hear()).get("id") != "watching" or message["type"] == "next":
            heard.append(message)
        heard += await wire.round_trip()
    return [message for message in heard if message.get("id") == "stopped"]


@SUITE.must("stop", "A client's complete ends a subscription: its values cease, and no complete answers")
async def _stop(target: Target) -> str:
    heard = await _heard_after_stop(target)
    # One value may have been on its way through the server.
    if len(heard) > 1 or any(message["type"] != "next" for message in heard):
        raise NotMet(f"{heard[-1]['type']} for an operation that has ended")
    return "the values ceased"


@SUITE.should("stop-exactly", "Not one value is sent after a client's complete")
async def _stop_exactly(target: Target) -> str:
    check_nothing_of("stopped", await _heard_after_stop(target))
    return "nothing more was sent"


@SUITE.must("stop-at-once", "A client's complete that follows its subscribe at once ends the subscription too")
async def _stop_at_once(target: Target) -> str:
    check_nothing_of("stopped", await _heard_after_stop(target, at_once=True))
    return "nothing more was sent"


@SUITE.must("id-reused-after-stop", "An id can be used again when the client has stopped its operation")
async def _reused_after_stop(target: Target) -> str:
    watching = await target.lasting()
    async with target.ready_socket() as wire:
        await wire.subscribe("1", watching)
        await wire.first("1")
        await wire.send("complete", id="1")
        await wire.round_trip()
        check_ends_with(await wire.run("1", target.query), "complete")
    return "next, complete"


@SUITE.must("fault-ends-one", "An operation's fault ends that operation and no other")
async def _fault_ends_one(target: Target) -> str:
    watching = await target.finite()
    running = {"good", *REFUSED}
    async with target.ready_socket() as wire:
        await wire.subscribe("good", watching)
        await wire.first("good")
        for name, payload in REFUSED.items():
            await wire.subscribe(name, payload)
        while running:
            message = await wire.hear()
            if message["type"] != "next":
                running.discard(message["id"])
            if message.get("id") == "good" and message["type"] == "error":
                raise NotMet("the other one ended with error")
    return "the other one completed"
