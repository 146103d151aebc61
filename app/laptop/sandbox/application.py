"""The sandbox's addresses, as a Starlette application."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial

from pydantic import JsonValue
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.laptop.sandbox import answers
from app.laptop.sandbox.answers import Answer, Refused
from app.laptop.sandbox.approval import ApprovalPage
from app.laptop.sandbox.bench import Simulator
from app.laptop.sandbox.bodies import (
    CaptureBody,
    ChargeBody,
    RefundBody,
    VoidBody,
    idempotency_key,
    read,
    read_listing,
)
from app.laptop.sandbox.books import Books, OperationName
from app.laptop.sandbox.charges import Refusal
from app.laptop.sandbox.faults import Faults
from app.laptop.sandbox.ledger import Ledger
from app.laptop.sandbox.operations import Operations, existing, fingerprint, once
from app.laptop.sandbox.tokens import Delivery


@dataclass(frozen=True, slots=True)
class Sandbox:
    """The API over one ledger; `slow_seconds` is how long a late answer takes."""

    ledger: Ledger
    operations: Operations
    slow_seconds: float
    running: set[str] = field(default_factory=set)
    """Keys of the calls under way."""

    async def create_charge(self, request: Request) -> Response:
        """Hold money."""
        key, body = idempotency_key(request), await read(request, ChargeBody)
        terms, token = body.terms(), body.token.get_secret_value()
        digest = fingerprint(key, asdict(terms), token)
        return await self._once(
            request, "authorize", key, digest, lambda books: self.operations.authorize(books, key, terms, token)
        )

    async def capture(self, request: Request) -> Response:
        """Take held money."""
        key, body = idempotency_key(request), await read(request, CaptureBody)
        charge_id = request.path_params["charge"]

        def effect(books: Books) -> Answer:
            return self.operations.capture(books, key, existing(books, charge_id), body.amount)

        return await self._once(request, "capture", key, fingerprint(key, charge_id, body.amount), effect)

    async def void(self, request: Request) -> Response:
        """Release held money."""
        key, _ = idempotency_key(request), await read(request, VoidBody)
        charge_id = request.path_params["charge"]

        def effect(books: Books) -> Answer:
            return self.operations.void(books, key, existing(books, charge_id))

        return await self._once(request, "void", key, fingerprint(key, charge_id), effect)

    async def refund(self, request: Request) -> Response:
        """Give money back."""
        key, body = idempotency_key(request), await read(request, RefundBody)

        def effect(books: Books) -> Answer:
            return self.operations.refund(books, key, existing(books, body.charge), body.amount)

        return await self._once(request, "refund", key, fingerprint(key, body.charge, body.amount), effect)

    async def show_charge(self, request: Request) -> Response:
        """One charge by its id."""
        charge = await self.ledger.transact(lambda books: existing(books, request.path_params["charge"]))
        return JSONResponse(self.operations.shown(charge))

    async def find_charges(self, request: Request) -> Response:
        """Every charge made with the caller's reference."""
        reference = request.query_params.get("reference")
        if reference is None:
            raise Refused(answers.invalid_request("Say which: ?reference=…", "reference"))
        found = await self.ledger.transact(lambda books: books.charges_of(reference))
        return JSONResponse({"data": [self.operations.shown(charge) for charge in found]})

    async def show_operation(self, request: Request) -> Response:
        """What the call with an idempotency key was answered first, and how its charge stands now.

        A call that is under way and has had no effect yet has left no trace.
        """
        return JSONResponse(
            await self.ledger.transact(lambda books: self._operation(books, request.path_params["key"]))
        )

    async def show_ledger(self, request: Request) -> Response:
        """Every movement of money, or with `?reference=` those of one payment."""
        reference = request.query_params.get("reference")
        return JSONResponse(await self.ledger.transact(lambda books: books.movements(reference)))

    async def list_movements(self, request: Request) -> Response:
        """The card provider's movements between two times, oldest first; `next` is the `after` of the next page."""
        asked = read_listing(request)
        found = await self.ledger.transact(
            lambda books: books.movements_between(asked.begin, asked.end, asked.after, asked.limit + 1)
        )
        shown: list[JsonValue] = [dict(movement) for movement in found[: asked.limit]]
        following = found[asked.limit - 1]["position"] if len(found) > asked.limit else None
        return JSONResponse({"data": shown, "next": following})

    def _operation(self, books: Books, key: str) -> dict[str, JsonValue]:
        known = books.remembered(key)
        if known is None:
            raise Refused(answers.missing("operation"))
        charge = books.charge(known.answer.charge) if known.answer.charge else None
        return {
            "object": "operation",
            "key": key,
            "operation": known.operation,
            "answer": {"status": known.answer.status, "body": known.answer.body},
            "charge": self.operations.shown(charge) if charge else None,
        }

    async def _once(
        self, request: Request, operation: OperationName, key: str, digest: str, effect: Callable[[Books], Answer]
    ) -> Response:
        with self._claimed(key):
            answer = await self.ledger.transact(lambda books: once(books, operation, key, digest, effect))
            match answer.delivery:
                case Delivery.LATE:
                    await asyncio.sleep(self.slow_seconds)
                case Delivery.NEVER:
                    await _client_gone(request)
            return _response(answer)

    @contextmanager
    def _claimed(self, key: str) -> Iterator[None]:
        if key in self.running:
            raise Refused(answers.KEY_IN_USE)
        self.running.add(key)
        try:
            yield
        finally:
            self.running.remove(key)


def build_application(
    sandbox: Sandbox, approval: ApprovalPage, faults: Faults, others: Sequence[Simulator], more: Sequence[Route] = ()
) -> Starlette:
    """Every address of the sandbox."""
    at = partial(faults.at, "sandbox")
    routes = [
        *(route for simulator in others for route in simulator.routes),
        *more,
        Route("/faults", faults.script, methods=["GET", "POST", "DELETE"]),
        Route("/v1/charges", at("authorize", sandbox.create_charge), methods=["POST"]),
        Route("/v1/charges", sandbox.find_charges, methods=["GET"]),
        Route("/v1/charges/{charge}", sandbox.show_charge, methods=["GET"]),
        Route("/v1/charges/{charge}/capture", at("capture", sandbox.capture), methods=["POST"]),
        Route("/v1/charges/{charge}/void", at("void", sandbox.void), methods=["POST"]),
        Route("/v1/refunds", at("refund", sandbox.refund), methods=["POST"]),
        Route("/v1/operations/{key:path}", at("look_up", sandbox.show_operation), methods=["GET"]),
        Route("/approve/{charge}", approval.show, methods=["GET"]),
        Route("/approve/{charge}", approval.decide, methods=["POST"]),
        Route("/v1/movements", at("movements", sandbox.list_movements), methods=["GET"]),
        Route("/ledger", sandbox.show_ledger, methods=["GET"]),
        Route("/health/live", _live, methods=["GET"]),
    ]
    return Starlette(routes=routes, exception_handlers={Refused: _on_refused, HTTPException: _on_http_exception})


async def _client_gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _live(_: Request) -> Response:
    return JSONResponse({"status": "live"})


def _response(answer: Answer) -> Response:
    headers = {"Idempotent-Replayed": "true"} if answer.replayed else None
    return JSONResponse(answer.body, answer.status, headers)


async def _on_refused(_: Request, error: Exception) -> Response:
    if not isinstance(error, Refused):
        raise error
    return _response(error.answer)


async def _on_http_exception(_: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    refusal = Refusal("unrecognized_request", error.detail)
    return _response(answers.error(error.status_code, "invalid_request_error", refusal))
