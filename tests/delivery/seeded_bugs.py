"""Mistakes that somebody might make, each of which some schedule must show."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from app.live import mailbox
from app.live.entities import Entities
from app.live.feed import Feed, _Connection
from app.live.hub import Hub
from app.live.mailbox import Mailbox, SlowConsumer
from app.live.position import Verdict, judge
from app.transports import sse
from schema.context import Context


@dataclass(frozen=True)
class SeededBug:
    """`plant` makes the mistake for the rest of the test."""

    name: str
    plant: Callable[[pytest.MonkeyPatch], None]


def _no_gap_check(patch: pytest.MonkeyPatch) -> None:
    def careless(have: int | None, update: Any) -> Verdict:
        verdict = judge(have, update)
        return Verdict.DELIVER if verdict is Verdict.FILL else verdict

    patch.setattr(mailbox, "judge", careless)


def _repeats_at_the_seam(patch: pytest.MonkeyPatch) -> None:
    catch_up = Entities.catch_up

    async def careless(self: Entities, watched: Any, mailbox: Any, after: int | None) -> Any:
        last = await catch_up(self, watched, mailbox, after)
        if mailbox.have == last.version != after:
            mailbox._put(last)
        return last

    patch.setattr(Entities, "catch_up", careless)


def _nothing_verified_after_a_loss(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Hub, "suspect_all", lambda _: None)


def _nothing_swept(patch: pytest.MonkeyPatch) -> None:
    async def verify(_self: Entities, _batch: Any) -> None:
        """Find nothing missing."""

    patch.setattr(Entities, "verify", verify)


def _after_too_high(patch: pytest.MonkeyPatch) -> None:
    begin = Mailbox.__init__

    def careless(self: Any, after: int | None, *args: Any) -> None:
        begin(self, None if after is None else after + 1, *args)

    patch.setattr(Mailbox, "__init__", careless)


def _after_too_low(patch: pytest.MonkeyPatch) -> None:
    begin = Mailbox.__init__

    def careless(self: Any, after: int | None, *args: Any) -> None:
        begin(self, None if after is None else max(-1, after - 1), *args)

    patch.setattr(Mailbox, "__init__", careless)


def _channels_forgotten(patch: pytest.MonkeyPatch) -> None:
    async def listen(self: Any, connection: _Connection) -> None:
        self._connection = connection
        self.on_loss()
        await connection.watch()

    patch.setattr(Feed, "_listen", listen)


def _position_of_what_waits(patch: pytest.MonkeyPatch) -> None:
    async def take(self: Any) -> Any:
        while not self._waiting:
            self._news.clear()
            await self._news.wait()
        if self._overflowed:
            raise SlowConsumer(self.have)
        update = self._waiting.pop()
        self._taken = update.version
        return update

    patch.setattr(Mailbox, "take", take)


def _last_event_id_ignored(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sse, "last_event_id", lambda _: None)


def _position_ignored(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Context, "resume_after", property(lambda _: None, lambda *_: None), raising=False)


def _long_past_sends_away(patch: pytest.MonkeyPatch) -> None:
    def fill(self: Any, updates: Any) -> bool:
        accepted = [self.offer(update) for update in updates]
        return all(accepted)

    patch.setattr(Mailbox, "fill", fill)


SEEDED_BUGS = (
    SeededBug("holes are not looked for", _no_gap_check),
    SeededBug("history and feed both give the value at their seam", _repeats_at_the_seam),
    SeededBug("nothing is verified after a new connection", _nothing_verified_after_a_loss),
    SeededBug("the sweep finds nothing", _nothing_swept),
    SeededBug("`after` is one too high", _after_too_high),
    SeededBug("`after` is one too low", _after_too_low),
    SeededBug("channels are not subscribed again", _channels_forgotten),
    SeededBug("a slow reader is told the position of what waits", _position_of_what_waits),
    SeededBug("Last-Event-ID is ignored", _last_event_id_ignored),
    SeededBug("extensions.after is ignored", _position_ignored),
    SeededBug("a long past sends its reader away again and again", _long_past_sends_away),
)
