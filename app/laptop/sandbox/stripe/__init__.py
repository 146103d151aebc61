"""A pretend Stripe over real HTTP, as its clients see it: PaymentIntents, refunds, events, and a 3-D Secure page."""

import json
from collections.abc import Mapping
from functools import partial

from starlette.routing import Route

from app.laptop.sandbox.bench import Bench, Simulator
from app.laptop.sandbox.stripe import api, authentication
from app.laptop.sandbox.stripe.protocol import NAME, SECRET_KEY, WEBHOOK_SECRET

_CALLS: Mapping[tuple[str, str], tuple[str, api.Call]] = {
    ("POST", "/v1/payment_intents"): ("create", api.create),
    ("GET", "/v1/payment_intents"): ("list", api.listed),
    ("GET", "/v1/payment_intents/search"): ("search", api.search),
    ("GET", "/v1/payment_intents/{intent}"): ("show", api.show),
    ("POST", "/v1/payment_intents/{intent}"): ("update", api.update),
    ("POST", "/v1/payment_intents/{intent}/confirm"): ("confirm", api.confirm),
    ("POST", "/v1/payment_intents/{intent}/capture"): ("capture", api.capture),
    ("POST", "/v1/payment_intents/{intent}/cancel"): ("cancel", api.cancel),
    ("POST", "/v1/refunds"): ("refund", api.refund),
    ("GET", "/v1/refunds"): ("refunds", api.refunds),
    ("GET", "/v1/refunds/{refund}"): ("show_refund", api.show_refund),
    ("GET", "/v1/events"): ("events", api.events),
}
"""By method and address: the name that faults are scripted under, and who answers."""


def make(bench: Bench) -> Simulator:
    """Its addresses: those of `api.stripe.com` under `/stripe`, and a page."""
    answering = [
        Route(
            f"/{NAME}{path}",
            bench.faults.at(NAME, name, partial(api.answer, bench, call)),
            methods=[method],
        )
        for (method, path), (name, call) in _CALLS.items()
    ]
    page = Route(f"/{NAME}/3ds/{{intent}}", partial(authentication.respond, bench), methods=["GET", "POST"])
    return Simulator(NAME, [*answering, page])


def environment(sandbox_url: str) -> dict[str, str]:
    """The variables that point a paygate here."""
    return {
        "PAYGATE_STRIPE_URL": f"{sandbox_url.rstrip('/')}/{NAME}",
        "PAYGATE_STRIPE_SECRET_KEY": SECRET_KEY,
        "PAYGATE_STRIPE_WEBHOOK_SECRETS": json.dumps([WEBHOOK_SECRET]),
        # What was made can be found at once; this leaves a request time to arrive.
        "PAYGATE_STRIPE_VISIBILITY_SECONDS": "2",
    }
