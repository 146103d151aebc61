"""`paygate inspect`: one stream as a table."""

import json

from rich.table import Table

from app.domain.ids import ID_GRAMMAR
from app.eventstore.port import EventStore

_SECRET_FIELDS = {"sealed_token", "sealed_address", "token_stream", "fingerprint"}


async def timeline(store: EventStore, entity_id: str) -> Table | None:
    """All events of a payment or order, or None when there is none of that id. Raises `StoreUnavailable`."""
    if not ID_GRAMMAR.fullmatch(entity_id):
        return None
    for category in ("payment", "order"):
        events = await store.read(f"{category}-{entity_id}")
        if events:
            table = Table("revision", "at", "event", "data", title=f"{category}-{entity_id}")
            for event in events:
                data = json.loads(event.data)
                at = data.pop("at", "")
                table.add_row(str(event.revision), at, event.type, json.dumps(_public(data), ensure_ascii=False))
            return table
    return None


def _public(value: object) -> object:
    if isinstance(value, dict):
        return {
            name: "…" if name in _SECRET_FIELDS else _public(item) for name, item in value.items() if item is not None
        }
    return value
