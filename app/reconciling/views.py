"""What clients see beside what the stream folds to: what differs. Pure."""

from pydantic import ValidationError

from app.reconciling.model import Difference, Kind
from projections.names import Topic
from projections.stored import Stored
from projections.views import PaymentView, View, update_of
from projections.whole import Whole


def differences(whole: Whole, stored: Stored) -> list[Difference]:
    """What differs between a stream and what Redis holds of it."""
    found = _of_view(whole, stored)
    if found:
        return [found]
    if isinstance(whole.view, PaymentView) and not stored.listed:
        sentence = f"the list of merchant {whole.view.merchant_id} does not have it"
        return [_difference(whole.topic, Kind.NOT_LISTED, sentence), *_of_due(whole, stored)]
    return _of_due(whole, stored)


def due_of_nothing(topic: Topic) -> Difference:
    """Somebody is to look at what there is not."""
    return _difference(topic, Kind.DUE_STALE, f"somebody is to look at it, and there is no such {topic.kind}")


def _of_view(whole: Whole, stored: Stored) -> Difference | None:
    topic, version = whole.topic, whole.view.version
    if stored.revision is None or stored.view is None:
        return _difference(topic, Kind.VIEW_MISSING, f"clients do not see it, and its stream is at version {version}")
    if stored.revision > version:
        sentence = f"clients see version {stored.revision}, and its stream ends at {version}"
        return _difference(topic, Kind.VIEW_AHEAD, f"{sentence}: was the event store put back to an earlier time?")
    if stored.revision < version:
        behind = version - stored.revision
        events = "one event" if behind == 1 else f"{behind} events"
        return _difference(
            topic,
            Kind.VIEW_BEHIND,
            f"clients see version {stored.revision}: the projection is behind by {events}",
            f"see that `paygate project` runs; if it does, run `paygate replay {topic.id}`",
        )
    if not _same(whole.view, stored):
        return _difference(topic, Kind.VIEW_DIFFERS, f"at version {version} clients see something else")
    return None


def _same(view: View, stored: Stored) -> bool:
    try:
        seen = type(view).model_validate_json(stored.view or b"")
    except ValidationError:
        return False
    return seen == view and stored.update == update_of(view).encode()


def _of_due(whole: Whole, stored: Stored) -> list[Difference]:
    expected = None if whole.due is None else whole.due.timestamp()
    if stored.due == expected:
        return []
    if stored.due is None:
        sentence = f"it has something to do at {whole.due}, and nobody is to look at it"
        return [_difference(whole.topic, Kind.DUE_MISSING, sentence)]
    when = "it has nothing to do" if whole.due is None else f"it has something to do at {whole.due}"
    return [_difference(whole.topic, Kind.DUE_STALE, f"{when}, and somebody is to look at it at another time")]


def _difference(topic: Topic, kind: Kind, sentence: str, remedy: str = "") -> Difference:
    return Difference(kind, topic.id, sentence, remedy or f"run `paygate replay {topic.id}`")
