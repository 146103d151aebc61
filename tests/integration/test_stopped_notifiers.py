"""The notifier is killed after everything it does, and a new one begun: everybody is told, and it is recorded once."""

from collections.abc import Callable, Mapping
from itertools import groupby
from typing import Any

import pytest

from app.domain.delivery.model import DeliveryStatus, NothingOwed
from app.domain.ids import message_id_for
from app.notifier.service import ChannelService
from tests.integration.audience import CHANNELS, Audience, Changes, to_be_told
from tests.integration.flows import FLOWS, Flow
from tests.integration.ordering import Street
from tests.support.virtual_notifier import Change, Moment, Surroundings

AT_ONCE = 4
SWEEP_SECONDS = 0.005
MOST_KILLS = 500

every_flow = pytest.mark.parametrize("flow", FLOWS.values(), ids=FLOWS.keys())


@every_flow
async def test_a_notifier_killed_anywhere_is_followed_by_one_that_tells_the_rest(
    street: Street, audience: Audience, flow: Flow
) -> None:
    shop = await audience.watch(flow, street)
    for channel in CHANNELS:
        notifier, expected = notifier_of(channel, audience, real=False), to_be_told(channel, audience, shop)
        undisturbed = Surroundings(Moment(tuple(shop.store.everything)))
        told = await undisturbed.live(notifier)
        for number, moment in enumerate(undisturbed.moments):
            rest = await Surroundings(moment, number).live(notifier)
            assert recorded(rest) == expected, f"{channel}, killed at {number}"
            assert_told(expected, rest, most_repeats=1)
            assert all(each in told.heard for each in rest.heard), "a message was not the same again"


@every_flow
async def test_notifiers_killed_after_every_single_thing_they_do_tell_everybody_in_the_end(
    street: Street, audience: Audience, flow: Flow
) -> None:
    shop = await audience.watch(flow, street)
    for channel in CHANNELS:
        notifier, expected = notifier_of(channel, audience, real=True), to_be_told(channel, audience, shop)
        moment = await outlive_every_kill(Moment(tuple(shop.store.everything)), notifier, audience)
        assert recorded(moment) == expected
        assert_told(expected, moment)


async def outlive_every_kill(
    moment: Moment, notifier: Callable[[Surroundings], ChannelService], audience: Audience
) -> Moment:
    """Kill each notifier after the first thing it does that none before it had done; what the last one comes to."""
    done: set[Change] = set()

    def is_new(change: Change) -> bool:
        before = len(done)
        done.add(change)
        return len(done) > before

    killed = True
    while killed:
        assert len(done) < MOST_KILLS, "there is no end to new things that they do"
        surroundings = Surroundings(moment, len(done), is_new, audience.hear)
        moment, killed = await surroundings.live(notifier), surroundings.killed
    return moment


def notifier_of(channel: str, audience: Audience, *, real: bool) -> Callable[[Surroundings], ChannelService]:
    """What begins a notifier of the channel, that remembers nothing; `real`: by real senders to real receivers."""

    def begin(surroundings: Surroundings) -> ChannelService:
        store: Any = surroundings
        due: Any = surroundings.due
        pump = audience.pump(channel, store, surroundings.watching if real else surroundings.noting)
        return ChannelService(store, due, pump, AT_ONCE, SWEEP_SECONDS)

    return begin


def recorded(moment: Moment) -> Mapping[tuple[str, str], Changes]:
    """What was delivered, by the delivery streams."""
    found = {}
    for state in moment.deliveries():
        assert not isinstance(state, NothingOwed)
        assert {each.status for each in state.messages.values()} == {DeliveryStatus.DELIVERED}
        where = (state.address.target_id, state.address.subject)
        found[where] = [(each.version, each.type) for each in state.messages.values()]
    return found


def assert_told(
    expected: Mapping[tuple[str, str], Changes], moment: Moment, *, most_repeats: int | None = None
) -> None:
    """Everybody has heard what they should, in order; again, only what comes from a kill."""
    for where, changes in expected.items():
        ids = [message_id_for(*where, version) for version, _ in changes]
        heard = [each.message_id for each in moment.heard if each.message_id in ids]
        assert [each for each, _ in groupby(heard)] == ids
        assert most_repeats is None or len(heard) <= len(ids) + most_repeats
