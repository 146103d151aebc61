"""Webhooks to the one address that is registered, signed; and the certificate they are signed with."""

import json
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from app.laptop.sandbox.bench import Bench
from app.laptop.sandbox.outbox import OutgoingNotice
from app.laptop.sandbox.paypal.certificate import kept, signed_headers
from app.laptop.sandbox.paypal.documents import NAME, Event, Url

WEBHOOK_ID = "WH-SANDBOX-NOT-REAL"
_PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
"""Seconds between tries; PayPal's own are spread over three days."""


@dataclass(frozen=True, slots=True)
class Webhooks:
    """Sends events."""

    bench: Bench
    url: Url

    async def send(self, events: Sequence[Event]) -> None:
        """Send each soon; in which order they arrive is not said."""
        if not events:
            return
        certificate = await self.bench.ledger.transact(kept)
        address = self.url(f"/paypal/v1/notifications/certs/{certificate.name}")
        for event in events:
            now = self.bench.clock()
            body = json.dumps(
                {
                    "id": f"WH-{secrets.token_hex(8).upper()}-{secrets.token_hex(8).upper()}",
                    "event_version": "1.0",
                    "create_time": now.isoformat(),
                    "event_type": event.kind,
                    "resource": event.resource,
                }
            ).encode()
            headers = signed_headers(certificate, address, WEBHOOK_ID, str(uuid.uuid4()), now, body)
            notice = OutgoingNotice(NAME, f"{self.bench.notices_url}/paypal", body, headers=headers, pauses=_PAUSES)
            self.bench.outbox.post(notice)

    async def certificate(self, request: Request) -> Response:
        """The chain, as PEM."""
        certificate = await self.bench.ledger.transact(kept)
        if request.path_params["name"] != certificate.name:
            return PlainTextResponse("no such certificate", 404)
        return PlainTextResponse(certificate.chain)
