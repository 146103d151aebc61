"""A message as a CloudEvent 1.0 in JSON: the same bytes on every attempt."""

import json
from typing import Any

from app.notifier.port import Message
from projections.documents import order_document, payment_document
from projections.views import PaymentView

CONTENT_TYPE = "application/cloudevents+json"
_SEQUENCE_DIGITS = 10


def cloud_event(message: Message, source: str) -> bytes:
    """The event's JSON.

    `id` names the change, whoever is told of it. `sequence` sorts a subject's events, as text, in the order in which
    they happened.
    """
    event = {
        "specversion": "1.0",
        "id": f"{message.subject}.{message.version}",
        "source": source,
        "type": message.type,
        "subject": message.subject,
        "time": message.occurred_at.isoformat(),
        "datacontenttype": "application/json",
        "sequence": f"{message.version:0{_SEQUENCE_DIGITS}}",
        "data": _data(message),
    }
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


def _data(message: Message) -> dict[str, Any]:
    view = message.view
    return payment_document(view) if isinstance(view, PaymentView) else order_document(view)
