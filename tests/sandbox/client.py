"""The sandbox's API as a test speaks it: no more than JSON over HTTP."""

import uuid
from types import TracebackType
from typing import Any, Self

import httpx

from tests.support.plain_http import NO_CERTIFICATES

PATIENCE_SECONDS = 10.0


def unique(what: str) -> str:
    return f"{what}_{uuid.uuid4().hex}"


class Client:
    def __init__(self, url: str, seconds: float = PATIENCE_SECONDS) -> None:
        self.http = httpx.Client(base_url=url, timeout=seconds, trust_env=False, verify=NO_CERTIFICATES)

    def charge(
        self, card: str = "success", *, key: str | None = None, reference: str | None = None, **changes: object
    ) -> httpx.Response:
        """Authorise 42.00 EUR with the token `tok_<card>`."""
        body = {
            "reference": unique("pay") if reference is None else reference,
            "amount": 4200,
            "currency": "EUR",
            "token": f"tok_{card}",
        }
        return self.post("/v1/charges", {**body, **changes}, key)

    def held(self, **arguments: Any) -> dict[str, Any]:
        answer = self.charge(**arguments)
        assert answer.status_code == 200, answer.text
        charge: dict[str, Any] = answer.json()
        return charge

    def taken(self, **arguments: Any) -> dict[str, Any]:
        charge = self.held(**arguments)
        assert self.capture(charge).status_code == 200
        return charge

    def capture(self, charge: dict[str, Any], amount: int | None = None, key: str | None = None) -> httpx.Response:
        return self.post(f"/v1/charges/{charge['id']}/capture", {"amount": amount}, key)

    def void(self, charge: dict[str, Any], key: str | None = None) -> httpx.Response:
        return self.post(f"/v1/charges/{charge['id']}/void", {}, key)

    def refund(self, charge: dict[str, Any], amount: int | None = None, key: str | None = None) -> httpx.Response:
        return self.post("/v1/refunds", {"charge": charge["id"], "amount": amount}, key)

    def post(self, path: str, body: object, key: str | None = None) -> httpx.Response:
        return self.http.post(path, json=body, headers={"Idempotency-Key": key or unique("key")})

    def operation(self, key: str) -> httpx.Response:
        return self.http.get(f"/v1/operations/{key}")

    def ledger(self, reference: str) -> list[tuple[str, int]]:
        movements = self.http.get("/ledger", params={"reference": reference}).json()
        return [(movement["operation"], movement["amount"]) for movement in movements]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.http.close()


def code(answer: httpx.Response) -> str:
    """The code of an error."""
    text: str = answer.json()["error"]["code"]
    return text
