"""Real clients play one story over the wire they each speak."""

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from gql import Client, GraphQLRequest
from gql.transport.httpx import HTTPXAsyncTransport
from gql.transport.websockets import WebsocketsTransport

from tests.browser.chromium import EXECUTABLE, chromium
from tests.conformance.node_clients import NodeClients
from tests.conformance.scenario import DOCUMENT, SCENARIO, Result, check, payment_variables, play
from tests.support.stack import Stack

# What a page's script does with an EventSource and nothing else.
COLLECT = """
new Promise((resolve, reject) => {
  const results = [];
  const source = new EventSource(%s);
  source.addEventListener("next", (event) => results.push({ ...JSON.parse(event.data), id: event.lastEventId }));
  source.addEventListener("complete", () => { source.close(); resolve(results); });
  source.addEventListener("error", () => { source.close(); reject(new Error("the stream broke")); });
})
"""


async def test_gql_over_a_websocket(stack: Stack) -> None:
    async with Client(transport=WebsocketsTransport(stack.websocket_url), execute_timeout=None) as session:

        async def watch(variables: dict[str, Any]) -> list[Result]:
            request = GraphQLRequest(DOCUMENT, variable_values=variables)
            results = session.subscribe(request, get_execution_result=True)
            return [{"data": each.data, "extensions": each.extensions} async for each in results]

        await play(stack.url, watch)


async def test_gql_over_http(stack: Stack) -> None:
    async with Client(transport=HTTPXAsyncTransport(stack.url, timeout=30)) as session:
        request = GraphQLRequest(SCENARIO["pay"]["query"], variable_values=payment_variables())
        answer = await session.execute(request)
    assert answer["initiatePayment"]["payment"]["id"]


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl on this machine")
async def test_curl_over_server_sent_events(stack: Stack) -> None:
    async def watch(variables: dict[str, Any]) -> list[Result]:
        body = json.dumps({"query": DOCUMENT, "variables": variables})
        command = ["-sSN", "--noproxy", "*", "-H", "accept: text/event-stream", "--json", body, stack.url]
        curl = await asyncio.create_subprocess_exec("curl", *command, stdout=asyncio.subprocess.PIPE)
        said, _ = await curl.communicate()
        lines = said.decode().splitlines()
        return [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]

    await play(stack.url, watch)


@pytest.mark.parametrize("script", ["graphql-ws.mjs", "graphql-sse.mjs"])
def test_the_reference_clients_of_the_protocols(stack: Stack, node: NodeClients, script: str) -> None:
    played = node.said(script, stack.url)
    check(played["everything"], played["resumed"])


@pytest.mark.skipif(EXECUTABLE is None, reason="Chromium is not installed (Debian package: chromium)")
async def test_a_browsers_own_event_source(stack: Stack, tmp_path: Path) -> None:
    origin = stack.url.removesuffix("/graphql")
    async with chromium(tmp_path / "profile") as tab:
        await tab.go_to(f"{origin}/health/live")
        await tab.until(f"location.origin === '{origin}' && document.readyState === 'complete'")

        async def watch(variables: dict[str, Any]) -> list[Result]:
            parameters = urlencode({"query": DOCUMENT, "variables": json.dumps(variables)})
            results: list[Result] = await tab.evaluate(COLLECT % json.dumps(f"/graphql?{parameters}"))
            assert [result.pop("id") for result in results] == [
                str(result["extensions"]["position"]) for result in results
            ]
            return results

        await play(stack.url, watch)
