"""All that has happened in a category until now."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from app.eventstore.port import NO_STREAM, EventStore, RecordedEvent


async def so_far(store: EventStore, category: str) -> AsyncGenerator[RecordedEvent, None]:
    """The events of every stream of a category, in their order, up to what is the last one now.

    Raises `StoreUnavailable` and `SubscriptionLost`. Close it when it is left early.
    """
    stream = f"$ce-{category}"
    last = await store.head(stream)
    if last == NO_STREAM:
        return
    async with aclosing(store.follow(stream, after=None)) as events:
        async for event in events:
            yield event
            if (event.revision if event.link_revision is None else event.link_revision) >= last:
                return
