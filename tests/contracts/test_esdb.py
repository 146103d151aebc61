"""The adapter on EventStoreDB keeps the port's promises."""

from tests.contracts.event_store_suite import EventStoreSuite


class TestEventStoreDB(EventStoreSuite):
    """Against every server of the fixture `uri`."""
