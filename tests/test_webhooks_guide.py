"""The receiver in docs/webhooks.md takes what we sign, once and in order, and nothing else."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook

from app.domain.delivery.next_action import RetryPolicy

GUIDE = (Path(__file__).parent.parent / "docs" / "webhooks.md").read_text("utf-8")
SECRET = "whsec_c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0"


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("PAYGATE_WEBHOOK_SECRET", SECRET)
    (code,) = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102 — the guide's own code
    return names["app"]


def event(sequence: str) -> bytes:
    data = {"status": f"status {sequence}"}
    return json.dumps({"type": "t", "subject": "pay_1", "sequence": sequence, "data": data}).encode()


async def test_the_receiver_of_the_guide_acts_on_each_change_once_and_never_on_an_older_one(
    receiver: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    now = datetime.now(UTC)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(receiver), base_url="http://shop.test") as client:
        for sequence in ("0000000001", "0000000005", "0000000005", "0000000001"):
            body = event(sequence)
            headers = {
                "webhook-id": "msg_1",
                "webhook-timestamp": str(int(now.timestamp())),
                "webhook-signature": Webhook(SECRET).sign("msg_1", now, body.decode()),
            }
            assert (await client.post("/hooks", content=body, headers=headers)).status_code == 204
            assert (await client.post("/hooks", content=body + b" ", headers=headers)).status_code == 400
    assert capsys.readouterr().out.splitlines() == ["t pay_1 status 0000000001", "t pay_1 status 0000000005"]


def test_the_guide_says_how_often_we_try() -> None:
    policy = RetryPolicy()
    assert f"{len(policy.pauses) + 1} attempts in about three days" in GUIDE
    assert policy.switch_off_after.days == 5
    assert "nothing taken for five days" in GUIDE
