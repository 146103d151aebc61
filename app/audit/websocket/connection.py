"""`connection_init`, its acknowledgement, `ping` and `pong`."""

import asyncio
from typing import Any

from app.audit.model import NotExamined, NotMet
from app.audit.target import TRANSPORT_WS, Target
from app.audit.websocket.suite import SUITE, check_closed

_MANY = 10
_OF_THE_TIME = 0.9


@SUITE.must("init", "connection_init without a payload is acknowledged")
async def _init(target: Target) -> str:
    return await _acknowledged(target, {})


@SUITE.must("init-null", "connection_init with the payload null is acknowledged")
async def _init_null(target: Target) -> str:
    return await _acknowledged(target, {"payload": None})


@SUITE.must("init-object", "connection_init with an object for a payload is acknowledged")
async def _init_object(target: Target) -> str:
    async with target.socket(TRANSPORT_WS) as wire:
        await wire.send("connection_init", payload=dict(target.options.init_payload or {}))
        await wire.expect("connection_ack")
    return "connection_ack"


async def _acknowledged(target: Target, members: dict[str, Any]) -> str:
    if target.options.init_payload is not None:
        raise NotExamined("this server was said to want a payload")
    async with target.socket(TRANSPORT_WS) as wire:
        await wire.send("connection_init", **members)
        await wire.expect("connection_ack")
    return "connection_ack"


@SUITE.must("ack-form", "connection_ack has no members but type and, when at all, an object for a payload")
async def _ack_form(target: Target) -> str:
    async with target.socket(TRANSPORT_WS) as wire:
        await target.say_init(wire)
        ack = await wire.expect("connection_ack")
    if foreign := ack.keys() - {"type", "payload"}:
        raise NotMet(f"the acknowledgement has {', '.join(sorted(foreign))}")
    if not isinstance(ack.get("payload"), dict | None):
        raise NotMet("the acknowledgement's payload is no object")
    return "of the right form"


@SUITE.must("init-timeout", "A client that never says connection_init is closed with 4408")
async def _init_timeout(target: Target) -> str:
    try:
        async with target.socket(TRANSPORT_WS) as wire, asyncio.timeout(target.options.seconds * _OF_THE_TIME):
            return await check_closed(wire, 4408)
    except TimeoutError:
        raise NotExamined("still open; how long a server waits is its own to choose") from None


@SUITE.must("init-twice", "A second connection_init is closed with 4429")
async def _init_twice(target: Target) -> str:
    async with target.ready_socket() as wire:
        await target.say_init(wire)
        return await check_closed(wire, 4429)


@SUITE.must("init-twice-at-once", "A second connection_init that does not wait for the first is closed with 4429")
async def _init_twice_at_once(target: Target) -> str:
    async with target.socket(TRANSPORT_WS) as wire:
        await target.say_init(wire)
        await target.say_init(wire)
        return await check_closed(wire, 4429)


@SUITE.must("unauthorized", "subscribe before connection_init is closed with 4401")
async def _unauthorized(target: Target) -> str:
    async with target.socket(TRANSPORT_WS) as wire:
        await wire.subscribe("1", target.query)
        return await check_closed(wire, 4401)


@SUITE.must("ping", "A ping is answered with a pong")
async def _ping(target: Target) -> str:
    async with target.ready_socket() as wire:
        await wire.send("ping")
        await wire.expect("pong")
    return "pong"


@SUITE.must("ping-null", "A ping with the payload null is answered with a pong")
async def _ping_null(target: Target) -> str:
    async with target.ready_socket() as wire:
        await wire.send("ping", payload=None)
        await wire.expect("pong")
    return "pong"


@SUITE.must("ping-before-init", "A ping before connection_init is answered with a pong")
async def _ping_before_init(target: Target) -> str:
    async with target.socket(TRANSPORT_WS) as wire:
        await wire.send("ping")
        await wire.expect("pong")
    return "pong"


@SUITE.should("ping-echo", "A pong brings the payload of its ping back")
async def _ping_echo(target: Target) -> str:
    payload = {"number": 1, "text": "ü"}
    async with target.ready_socket() as wire:
        await wire.send("ping", payload=payload)
        pong = await wire.expect("pong")
    if pong.get("payload") != payload:
        raise NotMet("the pong came without the payload")
    return "the same payload"


@SUITE.must("ping-each", "Each ping gets a pong of its own")
async def _ping_each(target: Target) -> str:
    async with target.ready_socket() as wire:
        for _ in range(_MANY):
            await wire.send("ping")
        for _ in range(_MANY):
            await wire.expect("pong")
    return f"{_MANY} pongs"


@SUITE.must("pong-unasked", "A pong that nobody asked for is taken without an answer")
async def _pong_unasked(target: Target) -> str:
    async with target.ready_socket() as wire:
        await wire.send("pong")
        await wire.send("pong", payload={"unasked": True})
        if said := await wire.round_trip():
            raise NotMet(f"{said[0]['type']} in answer to a pong")
    return "nothing was answered"


@SUITE.must("pong-before-init", "A pong before connection_init is taken without an answer")
async def _pong_before_init(target: Target) -> str:
    async with target.socket(TRANSPORT_WS) as wire:
        await wire.send("pong")
        if said := await wire.round_trip():
            raise NotMet(f"{said[0]['type']} in answer to a pong")
        await target.initialise(wire)
    return "nothing was answered"
