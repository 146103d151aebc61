"""The page on which the customer decides, used as a browser without script would."""

import re
from typing import Any

import httpx
import pytest

from tests.sandbox.client import Client, code, unique


def waiting(client: Client, **changes: object) -> tuple[str, str]:
    """The reference of a charge that waits for its customer, and the address of its page."""
    reference = unique("pay")
    charge: dict[str, Any] = client.held(card="authenticate", reference=reference, **changes)
    return reference, charge["next_action"]["url"]


def press(client: Client, url: str, button: str) -> httpx.Response:
    return client.http.post(url, data={"decision": button})


def status(client: Client, reference: str) -> str:
    (charge,) = client.http.get("/v1/charges", params={"reference": reference}).json()["data"]
    assert charge["next_action"] is None
    text: str = charge["status"]
    return text


def test_the_page_has_a_button_for_each_decision_and_no_script(client: Client) -> None:
    reference, url = waiting(client)
    page = client.http.get(url)
    assert page.headers["Content-Type"].startswith("text/html")
    assert "script" not in page.text
    assert '<form method="post">' in page.text
    assert re.findall(r'name="decision" value="(\w+)"', page.text) == ["approve", "decline"]
    assert reference in page.text
    assert "4200 EUR" in page.text


@pytest.mark.parametrize(
    ("button", "outcome", "movements"),
    [("approve", "authorized", [("authorize", 4200)]), ("decline", "declined", [])],
)
def test_the_customer_decides_once(client: Client, button: str, outcome: str, movements: list[tuple[str, int]]) -> None:
    reference, url = waiting(client)
    press(client, url, button)
    press(client, url, "decline" if button == "approve" else "approve")
    press(client, url, button)
    assert status(client, reference) == outcome
    assert client.ledger(reference) == movements
    page = client.http.get(url).text
    assert "<form" not in page
    assert f"This payment was {'approved' if button == 'approve' else 'declined'}" in page


def test_the_customer_is_sent_back_to_the_shop(client: Client) -> None:
    _, url = waiting(client, return_url="https://shop.example/thanks?order=1")
    answer = press(client, url, "approve")
    assert answer.status_code == 303
    assert answer.headers["Location"] == "https://shop.example/thanks?order=1"


def test_without_a_shop_to_go_back_to_the_page_says_what_happened(client: Client) -> None:
    _, url = waiting(client)
    answer = client.http.post(url, data={"decision": "approve"}, follow_redirects=True)
    assert answer.status_code == 200
    assert "This payment was approved" in answer.text


def test_a_customer_who_comes_too_late_is_declined(client: Client) -> None:
    reference, url = waiting(client, expires_at="2020-01-01T00:00:00Z")
    press(client, url, "approve")
    (charge,) = client.http.get("/v1/charges", params={"reference": reference}).json()["data"]
    assert charge["failure"]["code"] == "authentication_expired"


def test_text_of_the_shop_is_shown_as_text(client: Client) -> None:
    _, url = waiting(client, description="<script>alert(1)</script>")
    page = client.http.get(url)
    assert "&lt;script&gt;" in page.text
    assert "<script" not in page.text


@pytest.mark.parametrize("form", [{}, {"decision": "perhaps"}, {"decision": ["approve", "decline"]}])
def test_no_decision_is_none(client: Client, form: dict[str, Any]) -> None:
    reference, url = waiting(client)
    assert code(client.http.post(url, data=form)) == "parameter_invalid"
    assert client.ledger(reference) == []


def test_a_page_nobody_was_sent_to_does_not_exist(client: Client) -> None:
    assert client.http.get("/approve/ch_unknown").status_code == 404
    assert press(client, "/approve/ch_unknown", "approve").status_code == 404


def test_looking_up_the_call_tells_the_decision(client: Client) -> None:
    key = unique("key")
    charge = client.held(card="authenticate", key=key)
    press(client, charge["next_action"]["url"], "approve")
    found = client.operation(key).json()
    assert found["answer"]["body"]["status"] == "requires_action"
    assert found["charge"]["status"] == "authorized"
