"""Which confirmation belongs to which subscription."""

import asyncio
from typing import Any

import hiredis

from app.live.feed import _Connection

CHANNEL = "some channel"


class Wire(asyncio.Transport):
    """Takes what is sent."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[Any] = []
        self._reader = hiredis.Reader()

    def write(self, data: "bytes | bytearray | memoryview[Any]") -> None:
        self._reader.feed(bytes(data))
        while (command := self._reader.gets()) is not False:
            self.sent.append(command)


def connection() -> tuple[_Connection, Wire]:
    wire = Wire()
    made = _Connection(on_message=lambda *_: None, silence_seconds=10)
    made.connection_made(wire)
    return made, wire


def confirm(made: _Connection) -> None:
    name = CHANNEL.encode()
    made.data_received(b"*3\r\n$9\r\nsubscribe\r\n$%d\r\n%s\r\n:1\r\n" % (len(name), name))


async def _turn() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_each_subscription_waits_for_its_own_confirmation() -> None:
    """The first one's was undone by the unsubscription between them: it says nothing of the second."""
    made, wire = connection()
    first = asyncio.create_task(made.subscribe([CHANNEL]))
    await _turn()
    made.send("UNSUBSCRIBE", CHANNEL)
    second = asyncio.create_task(made.subscribe([CHANNEL]))
    await _turn()
    assert [command[0] for command in wire.sent] == [b"SUBSCRIBE", b"UNSUBSCRIBE", b"SUBSCRIBE"]
    confirm(made)
    await _turn()
    assert (first.done(), second.done()) == (True, False)
    confirm(made)
    await second


async def test_who_no_longer_waits_does_not_take_the_confirmation_of_the_next() -> None:
    made, _ = connection()
    left = asyncio.create_task(made.subscribe([CHANNEL]))
    await _turn()
    left.cancel()
    stays = asyncio.create_task(made.subscribe([CHANNEL]))
    await _turn()
    confirm(made)
    await _turn()
    assert not stays.done()
    confirm(made)
    await stays


async def test_a_loss_ends_all_waiting() -> None:
    made, _ = connection()
    waiting = [asyncio.create_task(made.subscribe([CHANNEL])) for _ in range(3)]
    await _turn()
    made.connection_lost(None)
    async with asyncio.timeout(5):
        await asyncio.gather(*waiting)


async def test_a_confirmation_that_comes_after_the_loss_harms_nobody() -> None:
    made, _ = connection()
    waiting = asyncio.create_task(made.subscribe([CHANNEL]))
    await _turn()
    made.connection_lost(None)
    confirm(made)
    await waiting
