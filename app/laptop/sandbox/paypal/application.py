"""The pretend PayPal's addresses, and how a paygate is pointed at them.

DELETE /paypal/tokens                  every access token has expired
POST /paypal/review/{order}            ends what is pending, with `decision=approve` or `decline`
"""

import base64
import hashlib
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from pydantic import JsonValue
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.laptop.sandbox.bench import Bench, Simulator
from app.laptop.sandbox.bodies import read_limited
from app.laptop.sandbox.books import Books
from app.laptop.sandbox.faults import Handler
from app.laptop.sandbox.paypal import rules
from app.laptop.sandbox.paypal.bodies import CaptureBody, EmptyBody, OrderBody, RefundBody, read
from app.laptop.sandbox.paypal.certificate import authority_pem
from app.laptop.sandbox.paypal.documents import NAME, Url, document_json, found, order_json
from app.laptop.sandbox.paypal.page import CustomerPages
from app.laptop.sandbox.paypal.refusals import Refused
from app.laptop.sandbox.paypal.reporting import transactions
from app.laptop.sandbox.paypal.rules import Done
from app.laptop.sandbox.paypal.webhooks import WEBHOOK_ID, Webhooks

CLIENT_ID = "sandbox-client-not-real"
CLIENT_SECRET = "sandbox-secret-not-real"  # noqa: S105 - known to everybody
TOKEN_LIFE = timedelta(hours=9)
_LONGEST_REQUEST_ID = 108


def make(bench: Bench) -> Simulator:
    """The simulator on a bench."""

    def url(path: str) -> str:
        return f"{bench.public_url}{path}"

    webhooks = Webhooks(bench, url)
    api, pages = _Api(bench, webhooks, url), CustomerPages(bench, webhooks, url)

    def call(path: str, method: str, name: str, handler: Handler) -> Route:
        return Route(f"/paypal{path}", bench.faults.at(NAME, name, _answered(handler)), methods=[method])

    orders, payments = "/v2/checkout/orders", "/v2/payments"
    routes = [
        call("/v1/oauth2/token", "POST", "token", api.token),
        call(orders, "POST", "create", api.create),
        call(orders + "/{id}", "GET", "show_order", api.show("order")),
        call(orders + "/{id}/capture", "POST", "capture", api.complete("CAPTURE")),
        call(orders + "/{id}/authorize", "POST", "authorize", api.complete("AUTHORIZE")),
        call(payments + "/authorizations/{id}", "GET", "show_authorization", api.show("authorization")),
        call(payments + "/authorizations/{id}/capture", "POST", "capture_hold", api.capture_hold),
        call(payments + "/authorizations/{id}/void", "POST", "void", api.void),
        call(payments + "/captures/{id}", "GET", "show_capture", api.show("capture")),
        call(payments + "/captures/{id}/refund", "POST", "refund", api.refund),
        call(payments + "/refunds/{id}", "GET", "show_refund", api.show("refund")),
        call("/v1/reporting/transactions", "GET", "transactions", api.transactions),
        Route("/paypal/v1/notifications/certs/{name}", webhooks.certificate, methods=["GET"]),
        Route("/paypal/checkoutnow", pages.show, methods=["GET"]),
        Route("/paypal/checkoutnow", pages.decide, methods=["POST"]),
        Route("/paypal/review/{order}", pages.show_review, methods=["GET"]),
        Route("/paypal/review/{order}", pages.review, methods=["POST"]),
        Route("/paypal/tokens", api.expire_tokens, methods=["DELETE"]),
    ]
    return Simulator(NAME, routes)


def environment(sandbox_url: str) -> Mapping[str, str]:
    """The variables that point a paygate at the simulator."""
    parts = urlsplit(sandbox_url)
    return {
        "PAYGATE_PAYPAL_URL": f"{sandbox_url.rstrip('/')}/paypal",
        "PAYGATE_PAYPAL_CLIENT_ID": CLIENT_ID,
        "PAYGATE_PAYPAL_CLIENT_SECRET": CLIENT_SECRET,
        "PAYGATE_PAYPAL_WEBHOOK_ID": WEBHOOK_ID,
        "PAYGATE_PAYPAL_CERTIFICATE_ORIGINS": json.dumps([f"{parts.scheme}://{parts.netloc}"]),
        "PAYGATE_PAYPAL_CERTIFICATE_AUTHORITIES": authority_pem(),
    }


def _answered(handler: Handler) -> Handler:
    async def handle(request: Request) -> Response:
        try:
            return await handler(request)
        except Refused as refused:
            return refused.response()

    return handle


@dataclass(frozen=True, slots=True)
class _Api:
    bench: Bench
    webhooks: Webhooks
    url: Url

    async def token(self, request: Request) -> Response:
        """A token for the client id and its secret."""
        expected = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {expected}":
            return JSONResponse({"error": "invalid_client", "error_description": "Client Authentication failed"}, 401)
        if await read_limited(request) != b"grant_type=client_credentials":
            return JSONResponse({"error": "unsupported_grant_type"}, 400)
        token = f"A21AAsandbox{secrets.token_urlsafe(32)}"

        def work(books: Books) -> None:
            books.file(NAME, "token", token, {"until": (books.now() + TOKEN_LIFE).isoformat(), "id": token})

        await self.bench.ledger.transact(work)
        life = int(TOKEN_LIFE.total_seconds())
        return JSONResponse({"access_token": token, "token_type": "Bearer", "expires_in": life})

    async def expire_tokens(self, _: Request) -> Response:
        """Every token is of the past."""

        def work(books: Books) -> None:
            for paper in books.papers(NAME, "token"):
                books.file(NAME, "token", paper["id"], {**paper, "until": books.now().isoformat()})

        await self.bench.ledger.transact(work)
        return Response(status_code=204)

    async def create(self, request: Request) -> Response:
        """Make an order; 200 for one that waits for its payer, 201 in the older form."""
        body, raw = await read(request, OrderBody)
        waits = 200 if body.payment_source is not None else 201
        return await self._once(request, "create", raw, lambda books, _: rules.create(books, body), created=waits)

    def complete(self, intent: str) -> Handler:
        """Capture or authorise an approved order."""

        async def handle(request: Request) -> Response:
            _, raw = await read(request, EmptyBody)
            if request.headers.get("content-type", "").partition(";")[0] != "application/json":
                raise Refused("UNSUPPORTED_MEDIA_TYPE", status=415, name="UNSUPPORTED_MEDIA_TYPE")

            def effect(books: Books, key: str) -> Done:
                return rules.complete(books, found(books, "order", request.path_params["id"]), intent, key, self.url)

            return await self._once(request, intent, raw, effect)

        return handle

    async def capture_hold(self, request: Request) -> Response:
        """Take held money."""
        body, raw = await read(request, CaptureBody)

        def effect(books: Books, key: str) -> Done:
            return rules.capture_hold(books, found(books, "authorization", request.path_params["id"]), body, key)

        return await self._once(request, "capture", raw, effect)

    async def void(self, request: Request) -> Response:
        """Release held money."""
        _, raw = await read(request, EmptyBody)

        def effect(books: Books, key: str) -> Done:
            return rules.void(books, found(books, "authorization", request.path_params["id"]), key)

        return await self._once(request, "void", raw, effect, created=200)

    async def refund(self, request: Request) -> Response:
        """Give money back."""
        body, raw = await read(request, RefundBody)

        def effect(books: Books, key: str) -> Done:
            return rules.refund(books, found(books, "capture", request.path_params["id"]), body, key)

        return await self._once(request, "refund", raw, effect)

    def show(self, kind: str) -> Handler:
        """One document."""

        async def handle(request: Request) -> Response:
            def work(books: Books) -> dict[str, JsonValue]:
                _check_token(books, request)
                return self._shown(books, kind, request.path_params["id"])

            return JSONResponse(await self.bench.ledger.transact(work))

        return handle

    async def transactions(self, request: Request) -> Response:
        """What moved in the account."""

        def work(books: Books) -> dict[str, JsonValue]:
            _check_token(books, request)
            return transactions(books, request)

        return JSONResponse(await self.bench.ledger.transact(work))

    async def _once(
        self, request: Request, call: str, raw: bytes, effect: Callable[[Books, str], Done], created: int = 201
    ) -> Response:
        key = request.headers.get("paypal-request-id", "")
        if not 1 <= len(key) <= _LONGEST_REQUEST_ID:
            raise Refused("PAYPAL_REQUEST_ID_REQUIRED", "Give a PayPal-Request-Id.", status=400)
        digest = hashlib.sha256(request.url.path.encode() + raw).hexdigest()

        def work(books: Books) -> tuple[Done, dict[str, JsonValue]]:
            _check_token(books, request)
            done = rules.once(books, call, key, digest, lambda: effect(books, key))
            return done, self._shown(books, done.kind, done.id)

        done, shown = await self.bench.ledger.transact(work)
        await self.webhooks.send(done.events)
        if done.refused is not None:
            return done.refused.response()
        return _preferred(request, shown, 200 if done.repeated else created)

    def _shown(self, books: Books, kind: str, paper_id: str) -> dict[str, JsonValue]:
        paper = found(books, kind, paper_id)
        return order_json(books, paper, self.url) if kind == "order" else document_json(books, kind, paper)


def _preferred(request: Request, shown: dict[str, JsonValue], status: int) -> Response:
    if request.headers.get("prefer") == "return=representation":
        return JSONResponse(shown, status)
    if request.url.path.endswith("/void"):
        return Response(status_code=204)
    return JSONResponse({name: shown[name] for name in ("id", "status", "links")}, status)


def _check_token(books: Books, request: Request) -> None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    paper = books.paper(NAME, "token", token) if scheme == "Bearer" else None
    if paper is None or books.now() >= datetime.fromisoformat(paper["until"]):
        raise Refused("INVALID_TOKEN", "Token signature verification failed", status=401, name="AUTHENTICATION_FAILURE")
