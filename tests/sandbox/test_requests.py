"""What the sandbox does not understand gets a clear answer, changes nothing, and is never repeated to anybody."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.sandbox.client import Client, code, unique

SECRET = "tok_very_secret"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("amount", 0),
        ("amount", -5),
        ("amount", 1.5),
        ("amount", "5"),
        ("amount", True),
        ("amount", 10**16),
        ("currency", "eur"),
        ("currency", "EURO"),
        ("reference", ""),
        ("reference", "a b"),
        ("token", 7),
        ("token", SECRET * 100),
        ("return_url", "javascript:alert(1)"),
        ("expires_at", "tomorrow"),
        ("surprise", SECRET),
    ],
)
def test_a_wrong_field_is_named(client: Client, field: str, value: object) -> None:
    reference = unique("pay")
    answer = client.charge(**{"reference": reference, field: value})  # type: ignore[arg-type]
    assert answer.status_code == 400
    assert code(answer) == "parameter_invalid"
    assert answer.json()["error"]["param"] == field
    assert SECRET not in answer.text
    assert client.ledger(reference) == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"tok_very_secret"', b"\xff", b"[" * 60_000, b" " * 70_000])
def test_a_wrong_body_is_refused(client: Client, body: bytes) -> None:
    answer = client.http.post("/v1/charges", content=body, headers={"Idempotency-Key": unique("key")})
    assert (answer.status_code, code(answer)) == (400, "parameter_invalid")
    assert SECRET not in answer.text


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": ""}, {"Idempotency-Key": "k" * 256}])
def test_money_moves_only_with_a_key(client: Client, headers: dict[str, str]) -> None:
    body: dict[str, Any] = {"reference": unique("pay"), "amount": 1, "currency": "EUR", "token": "tok_success"}
    answer = client.http.post("/v1/charges", json=body, headers=headers)
    assert (answer.status_code, code(answer)) == (400, "parameter_invalid")
    assert answer.json()["error"]["param"] == "Idempotency-Key"


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/v2", 404), ("DELETE", "/v1/charges", 405)])
def test_what_does_not_exist_is_answered_in_json(client: Client, method: str, path: str, status: int) -> None:
    answer = client.http.request(method, path)
    assert (answer.status_code, code(answer)) == (status, "unrecognized_request")


def test_charges_are_listed_by_reference_only(client: Client) -> None:
    assert code(client.http.get("/v1/charges")) == "parameter_invalid"


def test_an_answer_is_not_kept_back_until_its_head_is_acknowledged(client: Client) -> None:
    """With Nagle's algorithm on the server's side every answer takes the 40 ms of a delayed acknowledgement."""
    assert min(client.http.get("/health/live").elapsed for _ in range(20)) < timedelta(milliseconds=30)


def test_the_sandbox_says_that_it_is_alive(client: Client) -> None:
    answer: httpx.Response = client.http.get("/health/live")
    assert (answer.status_code, answer.json()) == (200, {"status": "live"})


def test_a_list_of_movements_is_given_page_by_page(client: Client) -> None:
    begun = datetime.now(UTC) - timedelta(seconds=1)
    references = [client.taken()["reference"] for _ in range(3)]
    asked: dict[str, str | int] = {
        "from": begun.isoformat(),
        "to": (begun + timedelta(hours=1)).isoformat(),
        "limit": 2,
    }
    found = list[str]()
    after: int | None = 0
    while after is not None:
        page: dict[str, Any] = (
            client.http.get("/v1/movements", params={**asked, "after": after}).raise_for_status().json()
        )
        assert len(page["data"]) <= 2
        found += [each["reference"] for each in page["data"]]
        after = page["next"]
    assert [each for each in found if each in references] == [each for each in references for _ in range(2)]


@pytest.mark.parametrize("wrong", [{"from": "today"}, {"limit": 0}, {"limit": 1001}, {"after": -1}, {"other": 1}])
def test_a_list_that_cannot_be_given_is_refused(client: Client, wrong: dict[str, str | int]) -> None:
    asked: dict[str, str | int] = {"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z", **wrong}
    answer = client.http.get("/v1/movements", params=asked)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] in wrong
