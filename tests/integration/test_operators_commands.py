"""The commands of whoever is called at night, as they are typed."""

import asyncio
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import NamedTemporaryFile

import pytest

from app.domain.payment.events import CaptureMode
from projections.names import Topic
from tests.integration.night import Night, Town, falling, pointing_at, running_town
from tests.integration.payments import new_id
from tests.integration.test_transfers import told, waiting
from tests.support.forked import Forked

QUIET_DAY = "2020-01-01"


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with running_town(tmp_path_factory.mktemp("town")) as running, pointing_at(running):
        yield running


def typed(*words: str) -> tuple[int, str]:
    """The exit status of `paygate` with these words, and its answer or its complaint; not its log.

    In a process of its own, as it is typed: gRPC serves one event loop of a process well, and a test has several.
    """
    environment = {**os.environ, "COLUMNS": "200", "PAYGATE_LOG_LEVEL": "error"}
    with NamedTemporaryFile() as answer, NamedTemporaryFile() as complaint:
        said, complained = Path(answer.name), Path(complaint.name)
        status = Forked("app.cli", *words, environment=environment, errors=complained, output=said).wait(60)
        return status, said.read_text() or complained.read_text()


def test_the_report_lists_each_difference_with_what_mends_it(town: Town, tmp_path: Path) -> None:
    status, said = typed("reconcile", "--report", "--day", QUIET_DAY)
    assert (status, said.splitlines()[-1]) == (0, "no difference")
    assert "momo: asked about 0 payments, it gives no list" in said
    assert "stripe: 0 movements listed" in said

    async def plant() -> str:
        async with falling(town, "sandbox") as night:
            return await night.charge(new_id())

    charge, file = asyncio.run(plant()), tmp_path / "report.json"
    day = f"{datetime.now(UTC):%Y-%m-%d}"
    status, said = typed("reconcile", "--report", "--settle", "0", "--json", str(file))
    assert status == 1
    assert f"charge_without_payment {charge}: sandbox took 42.00 EUR" in said
    assert "  → people have to look" in said
    written = json.loads(file.read_text("utf-8"))
    assert written["day"] >= day
    assert [each["reference"] for each in written["differences"]] == [charge]
    assert {each["provider"] for each in written["providers"] if each["listed"]} >= {"sandbox", "stripe", "paypal"}


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("reconcile", "--report", "--day", "yesterday"), "--day"),
        (("reconcile", "--day", QUIET_DAY), "only with --report"),
        (("transfers", "assign", "FT1", "pay_1", "--by", "Lan"), "no transfer 'FT1'"),
        (("transfers", "assign", "FT1", "pay_1"), "--by"),
    ],
)
def test_what_cannot_be_is_refused_with_its_reason(town: Town, words: tuple[str, ...], complaint: str) -> None:
    status, said = typed(*words)
    assert status == 2, town
    assert complaint in said


def test_an_event_store_that_does_not_answer_is_said_in_a_line(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAYGATE_REDIS_URL", "redis://127.0.0.1:1/0")
    status, said = typed("reconcile", "--report", "--day", QUIET_DAY)
    assert status == 2, town
    assert len(said.splitlines()) == 1


def test_a_transfer_is_listed_found_and_assigned(town: Town) -> None:
    async def plant() -> tuple[str, str]:
        async with falling(town, "vietqr") as night:
            return await told(night), (await waiting(night)).payment_id

    reference, payment_id = asyncio.run(plant())
    assert reference in typed("transfers")[1]
    assert typed("transfers", "find", "--day", QUIET_DAY) == (0, "nothing new\n")
    for _ in range(2):
        status, said = typed("transfers", "assign", reference, payment_id, "--by", "Lan")
        assert (status, said) == (0, f"200000 VND ({reference}) are assigned to {payment_id}\n")
    assert typed("transfers") == (0, "no transfer waits to be assigned\n")
    assert f"assigned: {payment_id}" in typed("transfers", "--all")[1]


def test_the_read_model_is_written_anew_of_all_or_of_some(town: Town) -> None:
    async def plant() -> str:
        async with falling(town, "sandbox") as night:
            story = night.story("sandbox")
            await story.begin(CaptureMode.AUTOMATIC)
            await story.rest()
            return story.payment_id

    async def shown(payment_id: str) -> bool:
        async with falling(town, "sandbox") as night:
            return await _shown(night, payment_id)

    payment_id = asyncio.run(plant())
    for words in (("replay", payment_id), ("replay",)):
        status, said = typed(*words)
        assert status == 0
        assert said.endswith(" written anew\n")
        assert asyncio.run(shown(payment_id))
    assert typed("replay", "pay_nobody") == (0, "0 written anew\n")


def test_a_payment_is_asked_about_by_its_name(town: Town) -> None:
    status, said = typed("reconcile", "--payment", "pay_nobody")
    assert status == 1, town
    assert "there is no such payment" in said


async def _shown(night: Night, payment_id: str) -> bool:
    topic = Topic("payment", payment_id)
    return await night.redis.delete(topic.view_key) == 1
