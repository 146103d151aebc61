"""Notices that are to be believed and belong to nothing we know: kept for people, each once, never dropped."""

import hashlib
from collections.abc import Mapping
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from app.eventstore.codec import encode, new_cause
from app.eventstore.port import NO_STREAM, EventStore, WrongRevision

CATEGORY = "unmatched"


class NoticeUnmatched(BaseModel):
    """A verified notice about no payment of ours; `evidence` is what people need to find out whose it is."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    reader: str
    event_id: str
    evidence: dict[str, str | int]
    at: datetime


async def keep(store: EventStore, reader: str, event_id: str, evidence: Mapping[str, str | int], at: datetime) -> None:
    """Keep a notice; the same one again changes nothing. Raises `StoreUnavailable`."""
    digest = hashlib.sha256(f"{reader} {event_id}".encode()).hexdigest()[:40]
    stream = f"{CATEGORY}-{digest}"
    event = NoticeUnmatched(reader=reader, event_id=event_id, evidence=dict(evidence), at=at)
    try:
        await store.append(stream, encode(stream, NO_STREAM, [event], new_cause(stream)), expected=NO_STREAM)
    except WrongRevision:
        return
