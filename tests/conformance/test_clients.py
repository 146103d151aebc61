"""Real clients play one story over the wire they each speak."""

import asyncio
import json
import shutil
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from gql import Client, GraphQLRequest
from gql.transport.httpx import HTTPXAsyncTransport
from gql.transport.websockets import WebsocketsTransport

from tests.browser.chromium import EXECUTABLE, Tab, chromium
from tests.conformance.node_clients import NodeClients
from tests.conformance.scenario import DOCUMENT, SCENARIO, Result, check, payment_variables, play
from tests.conformance.tampering import BreakOff, Honest, tampered
from tests.support.plain_http import NO_CERTIFICATES
from tests.support.stack import Stack

JSON_BODY = "content-type: application/json"
NO_CHROMIUM = pytest.mark.skipif(EXECUTABLE is None, reason="Chromium is not installed (Debian package: chromium)")

# What a page's script does with an EventSource and nothing else: it never says where to go on.
COLLECT = """
new Promise((resolve, reject) => {
  const results = [];
  let breaks = 0;
  const source = new EventSource(%s);
  source.addEventListener("next", (event) => results.push({ ...JSON.parse(event.data), id: event.lastEventId }));
  source.addEventListener("complete", () => { source.close(); resolve({ results, breaks }); });
  source.addEventListener("error", () => {
    breaks += 1;
    if (source.readyState === EventSource.CLOSED || breaks > 9) {
      source.close();
      reject(new Error(`given up after ${breaks} breaks`));
    }
  });
})
"""


@dataclass
class BreaksOffAfterAValue(Honest):
    """A network that carries one value and half of the next at a time."""

    cuts: list[bytes]
    """What was cut off, one connection after the other."""

    async def body(self, pieces: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
        # A browser left to itself waits for seconds before it comes back.
        yield b"retry: 50\n\n"
        values = 0
        async for piece in pieces:
            values += piece.startswith(b"event: next")
            if values > 1:
                self.cuts.append(piece)
                yield piece[: len(piece) // 2]
                raise BreakOff
            yield piece


async def test_gql_over_a_websocket(stack: Stack) -> None:
    async with Client(transport=WebsocketsTransport(stack.websocket_url), execute_timeout=None) as session:

        async def watch(variables: dict[str, Any]) -> list[Result]:
            request = GraphQLRequest(DOCUMENT, variable_values=variables)
            results = session.subscribe(request, get_execution_result=True)
            return [{"data": each.data, "extensions": each.extensions} async for each in results]

        await play(stack.url, watch)


async def test_gql_over_http(stack: Stack) -> None:
    async with Client(transport=HTTPXAsyncTransport(stack.url, timeout=30, verify=NO_CERTIFICATES)) as session:
        request = GraphQLRequest(SCENARIO["pay"]["query"], variable_values=payment_variables())
        answer = await session.execute(request)
    assert answer["initiatePayment"]["payment"]["id"]


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl on this machine")
async def test_curl_over_server_sent_events(stack: Stack) -> None:
    async def watch(variables: dict[str, Any]) -> list[Result]:
        body = json.dumps({"query": DOCUMENT, "variables": variables})
        command = ["-sSN", "--noproxy", "*", "-H", "accept: text/event-stream", "-H", JSON_BODY, "-d", body, stack.url]
        curl = await asyncio.create_subprocess_exec("curl", *command, stdout=asyncio.subprocess.PIPE)
        said, _ = await curl.communicate()
        lines = said.decode().splitlines()
        return [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]

    await play(stack.url, watch)


@pytest.mark.parametrize("script", ["graphql-ws.mjs", "graphql-sse.mjs"])
def test_the_reference_clients_of_the_protocols(stack: Stack, node: NodeClients, script: str) -> None:
    played = node.said(script, stack.url)
    check(played["everything"], played["resumed"])


@NO_CHROMIUM
async def test_a_browsers_own_event_source(stack: Stack, tmp_path: Path) -> None:
    async with page_of(stack.url, tmp_path) as tab:

        async def watch(variables: dict[str, Any]) -> list[Result]:
            results, breaks = await collected(tab, variables)
            assert breaks == 0
            return results

        await play(stack.url, watch)


@NO_CHROMIUM
async def test_a_browsers_own_event_source_loses_and_repeats_nothing_when_it_is_cut_off(
    stack: Stack, tmp_path: Path
) -> None:
    cuts: list[bytes] = []
    async with tampered(stack.url, lambda: BreaksOffAfterAValue(cuts)) as url, page_of(url, tmp_path) as tab:

        async def watch(variables: dict[str, Any]) -> list[Result]:
            cuts.clear()
            results, breaks = await collected(tab, variables)
            # The browser came back by itself from each cut, and there was no other break. Each value but the last was
            # followed by a cut; one that the cut overtook was sent again, and followed by another.
            assert breaks == len(cuts) >= len(results) - 1
            return results

        await play(stack.url, watch)


@asynccontextmanager
async def page_of(url: str, folder: Path) -> AsyncGenerator[Tab, None]:
    """A blank page of the server's own origin."""
    origin = url.removesuffix("/graphql")
    async with chromium(folder / "profile") as tab:
        await tab.go_to(f"{origin}/health/live")
        await tab.until(f"location.origin === '{origin}' && document.readyState === 'complete'")
        yield tab


async def collected(tab: Tab, variables: dict[str, Any]) -> tuple[list[Result], int]:
    """What an EventSource is given, and how often its connection broke meanwhile."""
    parameters = urlencode({"query": DOCUMENT, "variables": json.dumps(variables)})
    given = await tab.evaluate(COLLECT % json.dumps(f"/graphql?{parameters}"))
    results: list[Result] = given["results"]
    assert [result.pop("id") for result in results] == [str(result["extensions"]["position"]) for result in results]
    return results, given["breaks"]
