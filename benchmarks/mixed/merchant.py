"""A merchant's server as paygate meets it: GraphQL and the status address over HTTP, and again when nobody answers."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Literal

import httpx

from app.connections import Transport

Kind = Literal["payment", "order"]

_ACTION = "__typename ... on CardAuthenticationAction { url } ... on RedirectAction { url } ... on QrAction { payload }"
_SEEN = f"id status action {{ {_ACTION} }}"
_REFUSED = "... on InvalidInput { code field message } ... on IdempotencyConflict { code message }"
_UNAVAILABLE = "... on ProviderUnavailable { code message }"
_INITIATE = f"""mutation($input: InitiatePaymentInput!) {{ answer: initiatePayment(input: $input) {{
  __typename ... on PaymentAccepted {{ payment {{ {_SEEN} }} }} {_REFUSED} {_UNAVAILABLE} }} }}"""
_PLACE = f"""mutation($input: PlaceOrderInput!) {{ answer: placeOrder(input: $input) {{
  __typename ... on OrderAccepted {{ order {{ id status }} payment {{ {_SEEN} }} }} {_REFUSED} {_UNAVAILABLE} }} }}"""
_CANCEL_ORDER = """mutation($input: CancelOrderInput!) { answer: cancelOrder(input: $input) {
  __typename ... on IllegalOrderTransition { code message } ... on OrderNotFound { code message }
  ... on InvalidInput { code field message } } }"""
_REGISTER = """mutation($input: RegisterEndpointInput!) { answer: registerEndpoint(input: $input) {
  __typename ... on EndpointRegistered { endpoint { id } secret } ... on InvalidInput { code field message } } }"""
_AGAIN_SECONDS = 0.25
_OUTAGE_SECONDS = 90.0
_HELD_MS = 20_000
_WAIT_SECONDS = 20
_ANSWER_SECONDS = 40.0


def _command(name: str) -> str:
    kind = f"{name[0].upper()}{name[1:]}Input"
    return (
        f"mutation($input: {kind}!) {{ answer: {name}(input: $input) {{ __typename {_REFUSED} "
        "... on PaymentNotFound { code message } ... on IllegalTransition { code message } } }"
    )


class Refused(Exception):
    """paygate answered, and not as this program can go on with."""


@dataclass
class Merchant:
    """Sends everything until it is answered, under the same key; `again` counts what was sent again, and why."""

    http: httpx.AsyncClient
    again: Counter[str] = field(default_factory=Counter)

    async def initiate(self, **given: Any) -> dict[str, Any]:
        """The payment, once it needs the customer or is final, or after a while as it stands then."""
        answer = await self._accepted(_INITIATE, {**given, "waitFor": "ACTION_OR_FINAL", "timeoutMs": _HELD_MS})
        payment: dict[str, Any] = answer["payment"]
        return payment

    async def place(self, *, wait: bool = True, **given: Any) -> tuple[str, dict[str, Any]]:
        """The order's id and its first payment, as `initiate` or, without `wait`, at once."""
        waiting = {"waitFor": "ACTION_OR_FINAL", "timeoutMs": _HELD_MS} if wait else {}
        answer = await self._accepted(_PLACE, {**given, **waiting})
        return answer["order"]["id"], answer["payment"]

    async def command(self, name: str, payment_id: str, **given: Any) -> str:
        """The name of the answer to a command on a payment."""
        answer = await self.ask(_command(name), input={"paymentId": payment_id, **given})
        kind: str = answer["__typename"]
        return kind

    async def cancel_order(self, order_id: str) -> str:
        """The name of the answer."""
        answer = await self.ask(_CANCEL_ORDER, input={"orderId": order_id})
        kind: str = answer["__typename"]
        return kind

    async def register(self, url: str) -> tuple[str, str]:
        """The id of an endpoint for everything, and its secret."""
        answer = await self.ask(_REGISTER, input={"url": url})
        if answer["__typename"] != "EndpointRegistered":
            raise Refused(str(answer))
        return answer["endpoint"]["id"], answer["secret"]

    async def status(
        self, kind: Kind, entity_id: str, reached: Callable[[dict[str, Any]], bool], *, seconds: float
    ) -> dict[str, Any] | None:
        """The document of a payment or order when it is final or has `reached` something; None after `seconds`."""
        tag, deadline = "", time.monotonic() + seconds
        while time.monotonic() < deadline:
            answer = await self._status(kind, entity_id, tag)
            tag = answer.headers.get("etag", tag)
            if answer.status_code == HTTPStatus.OK:
                document: dict[str, Any] = answer.json()
                if reached(document) or document["final"]:
                    return document
        return None

    async def _status(self, kind: Kind, entity_id: str, tag: str) -> httpx.Response:
        path = f"/api/{kind}s/{entity_id}/status?wait={_WAIT_SECONDS}"
        return await self._until_answered(lambda: self.http.get(path, headers={"if-none-match": tag} if tag else {}))

    async def ask(self, document: str, **variables: Any) -> Any:
        """The field `answer` of an operation's data; raises `Refused` for an error of the whole operation."""
        return (await self.data(document, **variables))["answer"]

    async def data(self, document: str, **variables: Any) -> dict[str, Any]:
        """All data of an operation; raises `Refused`."""
        answer = await self._until_answered(
            lambda: self.http.post("/graphql", json={"query": document, "variables": variables})
        )
        content = answer.json()
        if content.get("errors"):
            raise Refused(str(content["errors"]))
        data: dict[str, Any] = content["data"]
        return data

    async def _accepted(self, document: str, given: dict[str, Any]) -> Any:
        while True:
            answer = await self.ask(document, input=given)
            match answer["__typename"]:
                case "PaymentAccepted" | "OrderAccepted":
                    return answer
                case "ProviderUnavailable":
                    self.again["ProviderUnavailable"] += 1
                    await asyncio.sleep(1.0)
                case _:
                    raise Refused(str(answer))

    async def _until_answered(self, send: Callable[[], Any]) -> httpx.Response:
        deadline = time.monotonic() + _OUTAGE_SECONDS
        while True:
            try:
                answer: httpx.Response = await send()
                if answer.status_code < 500:
                    return answer
                why = str(answer.status_code)
            except httpx.HTTPError as fault:
                why = type(fault).__name__
            if time.monotonic() > deadline:
                raise Refused(f"no answer for {_OUTAGE_SECONDS:.0f} s: {why}")
            self.again[why] += 1
            await asyncio.sleep(_AGAIN_SECONDS)


def http_client(url: str) -> httpx.AsyncClient:
    """Connections to the gateway at `url`."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=100)
    transport = Transport(limits=limits, trust_env=False, verify=False)
    return httpx.AsyncClient(base_url=url, timeout=_ANSWER_SECONDS, trust_env=False, transport=transport)
