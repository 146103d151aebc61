"""A newcomer's first minutes with GraphiQL, in a real browser: the tour works and nothing leaves our own origin."""

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from app.web.graphiql import STATIC
from tests.browser.chromium import EXECUTABLE, Tab, chromium
from tests.browser.tiny_gateway import tiny_gateway

pytestmark = [
    pytest.mark.skipif(EXECUTABLE is None, reason="Chromium is not installed (Debian package: chromium)"),
    pytest.mark.skipif(not (STATIC / "built").exists(), reason="the pages have not been built: make pages"),
]

TOUR = STATIC.parent / "pages" / "graphiql" / "tour"

# Monaco shows blanks as non-breaking ones.
RESPONSE = r"(document.querySelector('.result-window .view-lines')?.innerText ?? '').replaceAll('\u00a0', ' ')"
TAB_TITLES = "[...document.querySelectorAll('.graphiql-tab-button')].map(tab => tab.innerText)"
TYPED = "# typed"
# What GraphiQL has taken in of the typing, which it does with a delay, is what it keeps for the next visit.
KEPT_TABS = """JSON.parse(localStorage.getItem("graphiql:tabState") ?? '{"tabs": []}').tabs"""


@pytest.fixture
async def origin() -> AsyncIterator[str]:
    async with tiny_gateway() as origin:
        yield origin


@pytest.fixture
async def tab(tmp_path: Path, origin: str) -> AsyncIterator[Tab]:
    async with chromium(tmp_path / "profile") as tab:
        await tab.go_to(f"{origin}/graphql")
        await tab.until("document.querySelector('.graphiql-query-editor textarea')")
        yield tab


async def test_the_tour_pays_watches_and_lists_without_asking_any_other_origin(tab: Tab, origin: str) -> None:
    assert await tab.evaluate("document.title") == "paygate · GraphiQL"
    assert await tab.evaluate(TAB_TITLES) == ["InitiatePayment", "PaymentStatus", "Payments"]

    await execute(tab)
    await tab.until(f"{RESPONSE}.includes('pay_1')")

    await fill_tab(tab, "PaymentStatus", tour("2-payment-status").replace("PAYMENT ID", "pay_1"))
    await execute(tab)
    await tab.until(f"{RESPONSE}.includes('SUCCEEDED')")
    values = [message["payload"]["data"]["paymentStatus"] for message in received(tab, "next")]
    assert [value["status"] for value in values] == ["INITIATED", "PROCESSING", "SUCCEEDED"]
    assert [value["previousVersion"] for value in values] == [None, 0, 1]

    await fill_tab(tab, "Payments", tour("3-payments"))
    await execute(tab)
    await tab.until(f"{RESPONSE}.includes('edges')")

    assert f"ws{origin.removeprefix('http')}/graphql" in tab.requested
    assert elsewhere(tab.requested, origin) == []
    assert tab.complaints == []


async def test_the_editor_knows_the_schema_with_workers_of_our_own(tab: Tab, origin: str) -> None:
    await fill_tab(tab, "Payments", "query Payments { paymentz { edges { node { id } } } } ")

    await tab.until("document.querySelector('.graphiql-query-editor .squiggly-error')")

    workers = [address for address in tab.requested if ".worker-" in address]
    assert any("graphql.worker-" in address for address in workers)
    assert elsewhere(tab.requested, origin) == []
    assert tab.complaints == []


async def execute(tab: Tab) -> None:
    await tab.until("document.querySelector('.graphiql-execute-button')")
    await tab.evaluate("document.querySelector('.graphiql-execute-button').click()")


async def fill_tab(tab: Tab, title: str, query: str) -> None:
    await tab.evaluate(f"document.querySelector('.graphiql-tab-button[title={title}]').click()")
    await tab.until(f"document.querySelector('.graphiql-tab-active').innerText.includes('{title}')")
    await tab.evaluate("document.querySelector('.graphiql-query-editor textarea').focus()")
    await tab.press_control("a")
    await tab.type(f"{query}{TYPED}")
    taken_in = f"kept.title === '{title}' && kept.operationName === '{title}' && kept.query.includes('{TYPED}')"
    await tab.until(f"{KEPT_TABS}.some(kept => {taken_in})")


def tour(name: str) -> str:
    return (TOUR / f"{name}.graphql").read_text("utf-8")


def received(tab: Tab, kind: str) -> list[dict[str, dict[str, dict[str, dict[str, object]]]]]:
    return [message for message in tab.websocket_messages if message["type"] == kind]


def elsewhere(addresses: list[str], origin: str) -> list[str]:
    own = urlsplit(origin).netloc
    return [
        address
        for address in addresses
        if urlsplit(address).netloc != own and urlsplit(address).scheme not in {"about", "data", "blob"}
    ]
