"""GraphiQL: who gets the page, how it and its assets are served, what the built page contains."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from app.web.graphiql import STATIC, GraphiQL, static_assets

A_BROWSER = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


def gateway_with_pages_in(static: Path) -> httpx.AsyncClient:
    async def api(request: Request) -> JSONResponse:
        return JSONResponse({"answered": request.method})

    graphql = Starlette(routes=[Route("/graphql", api, methods=["GET", "POST"])])
    gateway = Starlette(routes=[Route("/graphql", GraphiQL(graphql, static)), static_assets(static)])
    return httpx.AsyncClient(transport=httpx.ASGITransport(gateway), base_url="http://gateway")


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    (tmp_path / "graphiql").mkdir()
    (tmp_path / "graphiql" / "index.html").write_text("<title>paygate · GraphiQL</title>", "utf-8")
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "main-Bx3f.js").write_text("console.log(1)", "utf-8")
    return tmp_path


@pytest.fixture
async def client(pages: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with gateway_with_pages_in(pages) as client:
        yield client


async def test_a_browser_gets_the_page(client: httpx.AsyncClient) -> None:
    answer = await client.get("/graphql", headers=A_BROWSER)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "paygate · GraphiQL" in answer.text


@pytest.mark.parametrize(
    "accept",
    [
        "*/*",
        "application/json",
        "application/graphql-response+json, application/json;q=0.9",
        "text/event-stream",
        "application/json, text/html;q=0.1",
    ],
)
async def test_whoever_asks_for_data_gets_the_api(client: httpx.AsyncClient, accept: str) -> None:
    assert (await client.get("/graphql", headers={"accept": accept})).json() == {"answered": "GET"}


async def test_a_post_gets_the_api_whatever_it_accepts(client: httpx.AsyncClient) -> None:
    assert (await client.post("/graphql", headers=A_BROWSER)).json() == {"answered": "POST"}


async def test_caches_tell_the_page_from_the_api_and_ask_before_reuse(client: httpx.AsyncClient) -> None:
    answer = await client.get("/graphql", headers=A_BROWSER)

    assert answer.headers["vary"] == "accept"
    assert answer.headers["cache-control"] == "no-cache"


async def test_an_asset_may_be_kept_for_ever_because_its_name_changes_with_its_content(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.get("/static/assets/main-Bx3f.js")

    assert answer.text == "console.log(1)"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


async def test_a_missing_asset_is_not_found_and_not_kept(client: httpx.AsyncClient) -> None:
    answer = await client.get("/static/assets/main-Old0.js")

    assert answer.status_code == 404
    assert "cache-control" not in answer.headers


async def test_nothing_but_the_assets_can_be_reached(client: httpx.AsyncClient) -> None:
    assert (await client.get("/static/graphiql/index.html")).status_code == 404
    assert (await client.get("/static/assets/%2e%2e/graphiql/index.html")).status_code == 404


@pytest.mark.parametrize("address", ["/graphql", "/static/assets/main-Bx3f.js"])
async def test_the_browser_is_held_to_our_own_origin(client: httpx.AsyncClient, address: str) -> None:
    answer = await client.get(address, headers=A_BROWSER)

    policy = dict(rule.split(" ", 1) for rule in answer.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert {source for sources in policy.values() for source in sources.split()} == {
        "'self'",
        "'none'",
        "'unsafe-inline'",
        "data:",
    }
    assert {name for name, sources in policy.items() if "'unsafe-inline'" in sources} == {"style-src"}
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_without_a_build_a_browser_is_told_how_to_make_one(tmp_path: Path) -> None:
    async with gateway_with_pages_in(tmp_path) as client:
        answer = await client.get("/graphql", headers=A_BROWSER)

        assert answer.status_code == 503
        assert "make pages" in answer.text
        assert (await client.get("/static/assets/main-Bx3f.js")).status_code == 404
        assert (await client.post("/graphql")).json() == {"answered": "POST"}


@pytest.mark.skipif(not (STATIC / "built").exists(), reason="the pages have not been built: make pages")
class TestTheBuiltPage:
    async def test_loads_its_own_assets_and_nothing_from_elsewhere(self) -> None:
        async with gateway_with_pages_in(STATIC) as client:
            page = (await client.get("/graphql", headers=A_BROWSER)).text
            loaded = re.findall(r'(?:src|href)="([^"]+)"', page)

            assert loaded
            assert [address for address in loaded if not address.startswith("/static/assets/")] == []
            assert {(await client.get(address)).status_code for address in loaded} == {200}

    def test_holds_no_script_of_its_own_that_the_policy_would_forbid(self) -> None:
        page = (STATIC / "graphiql" / "index.html").read_text("utf-8")

        assert re.findall(r"<script(?![^>]* src=)", page) == []

    def test_says_whose_it_is(self) -> None:
        assert "<title>paygate" in (STATIC / "graphiql" / "index.html").read_text("utf-8")
