"""What each magic token does."""

import time

import httpx
import pytest

from tests.sandbox.client import Client, code, unique
from tests.support.sandbox_process import SandboxProcess

SHORT_SECONDS = 0.3


def test_tok_success_holds_the_money(client: Client) -> None:
    charge = client.held(reference=(reference := unique("pay")))
    assert charge["status"] == "authorized"
    assert charge["reference"] == reference
    assert (charge["amount"], charge["currency"], charge["amount_captured"]) == (4200, "EUR", 0)
    assert client.ledger(reference) == [("authorize", 4200)]


@pytest.mark.parametrize(
    ("card", "expected"), [("decline", "card_declined"), ("insufficient_funds", "insufficient_funds")]
)
def test_a_card_is_declined_with_its_code(client: Client, card: str, expected: str) -> None:
    answer = client.charge(card, reference=(reference := unique("pay")))
    assert answer.status_code == 402
    assert code(answer) == expected
    assert answer.json()["error"]["charge"]["status"] == "declined"
    assert client.ledger(reference) == []


@pytest.mark.parametrize("token", ["tok_of_nobody", "4242424242424242", "", "TOK_SUCCESS"])
def test_any_other_token_is_refused_and_not_repeated_to_anybody(client: Client, token: str) -> None:
    answer = client.charge(token=token, reference=(reference := unique("pay")))
    assert answer.status_code == 400
    assert code(answer) == "invalid_token"
    assert not token or token not in answer.text
    assert client.ledger(reference) == []


def test_tok_slow_answers_late(client: Client, shared: SandboxProcess) -> None:
    began = time.monotonic()
    assert client.held(card="slow")["status"] == "authorized"
    assert time.monotonic() - began >= shared.slow_seconds


def test_tok_timeout_charges_and_never_answers(client: Client, shared: SandboxProcess) -> None:
    reference, key = unique("pay"), unique("key")
    with Client(shared.url, SHORT_SECONDS) as hasty, pytest.raises(httpx.ReadTimeout):
        hasty.charge("timeout", key=key, reference=reference)
    while (found := client.operation(key)).status_code == 404:
        pass
    assert client.ledger(reference) == [("authorize", 4200)]
    assert found.json()["charge"]["status"] == "authorized"


def test_tok_timeout_before_never_answers_and_leaves_no_trace(client: Client, shared: SandboxProcess) -> None:
    reference, key = unique("pay"), unique("key")
    with Client(shared.url, SHORT_SECONDS) as hasty, pytest.raises(httpx.ReadTimeout):
        hasty.charge("timeout_before", key=key, reference=reference)
    assert client.ledger(reference) == []
    answer = client.operation(key)
    assert answer.status_code == 404
    assert code(answer) == "resource_missing"


def test_tok_flaky_turns_two_tries_of_a_key_away_and_carries_out_the_third(client: Client) -> None:
    reference, key = unique("pay"), unique("key")
    for _ in range(2):
        answer = client.charge("flaky", key=key, reference=reference)
        assert answer.status_code == 503
        assert code(answer) == "temporarily_unavailable"
        assert client.operation(key).status_code == 404
        assert client.ledger(reference) == []

    assert client.charge("flaky", key=key, reference=reference).status_code == 200
    assert client.ledger(reference) == [("authorize", 4200)]


def test_tok_authenticate_needs_the_customer(client: Client, shared: SandboxProcess) -> None:
    charge = client.held(card="authenticate", reference=(reference := unique("pay")))
    assert charge["status"] == "requires_action"
    assert charge["next_action"] == {"type": "authenticate", "url": f"{shared.url}/approve/{charge['id']}"}
    assert client.ledger(reference) == []


def test_no_token_reaches_the_log_or_the_disk(client: Client, shared: SandboxProcess) -> None:
    for card in ("success", "decline", "authenticate", "flaky", "of_nobody"):
        client.charge(card)
    client.charge(token=["tok_in_a_list"])
    client.post("/v1/charges", "tok_alone")
    kept = b"".join(file.read_bytes() for file in shared.folder.iterdir())
    assert b"tok_" not in kept
    assert "tok_" not in shared.log()
