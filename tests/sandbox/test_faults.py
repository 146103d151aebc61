"""A share of all calls goes wrong by chance, and what was played is told."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.sandbox.client import Client
from tests.support.sandbox_process import running_sandbox


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Client]:
    """A sandbox of one's own: the share is everybody's."""
    with running_sandbox(tmp_path, slow_seconds=0.0) as process, Client(process.url, seconds=0.3) as client:
        yield client


def test_of_all_calls_so_many_go_wrong_and_the_record_tells_which(alone: Client) -> None:
    assert alone.http.get("/faults").json() == {"calls": [], "played": []}
    assert alone.http.post("/faults", json={"share": 1.0, "seed": 3}).status_code == 204
    answers: list[int | str] = []
    for _ in range(8):
        try:
            answers.append(alone.charge().status_code)
        except httpx.HTTPError as fault:
            answers.append(type(fault).__name__)
    record = alone.http.get("/faults").json()
    assert record["calls"] == [{"provider": "sandbox", "call": "authorize", "times": 8}]
    assert sum(played["times"] for played in record["played"]) == 8
    assert len({played["fault"] for played in record["played"]}) > 1
    assert set(answers) != {200}
    assert alone.http.delete("/faults").headers["faults-left"] == "0"
    assert [alone.charge().status_code for _ in range(5)] == [200] * 5


@pytest.mark.parametrize("share", [-0.1, 1.1, "much"])
def test_a_share_that_cannot_be_is_refused(client: Client, share: object) -> None:
    assert client.http.post("/faults", json={"share": share}).status_code == 400
