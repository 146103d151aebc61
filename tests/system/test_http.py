"""GraphQL over HTTP, as the specification has it, and a payment's status over REST."""

import json
from collections.abc import AsyncGenerator
from typing import Any

import httpx
import pytest

from tests.support.client import FrontEnd
from tests.support.plain_http import NO_CERTIFICATES
from tests.support.stack import Stack

GRAPHQL_JSON = "application/graphql-response+json"
QUERY = {"query": "{ __typename }"}
REFUSED = {"query": "{ nothing }"}


@pytest.fixture
async def http(stack: Stack) -> AsyncGenerator[httpx.AsyncClient, None]:
    base = stack.url.removesuffix("/graphql")
    async with httpx.AsyncClient(base_url=base, timeout=30, trust_env=False, verify=NO_CERTIFICATES) as client:
        del client.headers["accept"]
        yield client


@pytest.mark.parametrize(
    ("accept", "answered"),
    [
        (None, "application/json"),
        ("*/*", "application/json"),
        ("application/json", "application/json"),
        (GRAPHQL_JSON, GRAPHQL_JSON),
        (f"{GRAPHQL_JSON}, application/json;q=0.9", GRAPHQL_JSON),
        (f"application/json, {GRAPHQL_JSON};q=0.1", "application/json"),
        (f"application/json, {GRAPHQL_JSON}", GRAPHQL_JSON),
        ("application/*", "application/json"),
    ],
)
async def test_the_answer_has_the_type_the_client_likes_best(
    http: httpx.AsyncClient, accept: str | None, answered: str
) -> None:
    answer = await http.post("/graphql", json=QUERY, headers={"accept": accept} if accept else {})
    assert answer.headers["content-type"] == f"{answered}; charset=utf-8"
    assert answer.json() == {"data": {"__typename": "Query"}}


async def test_a_type_nobody_offers_is_not_acceptable(http: httpx.AsyncClient) -> None:
    answer = await http.post("/graphql", json=QUERY, headers={"accept": "image/png"})
    assert answer.status_code == 406


@pytest.mark.parametrize(("accept", "status"), [("application/json", 200), (GRAPHQL_JSON, 400)])
async def test_a_refused_document_is_told_by_its_status_where_the_type_says_so(
    http: httpx.AsyncClient, accept: str, status: int
) -> None:
    answer = await http.post("/graphql", json=REFUSED, headers={"accept": accept})
    assert answer.status_code == status
    assert set(answer.json()) == {"errors"}


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "x/application/json", ""])
async def test_what_another_sites_form_could_send_is_not_taken(http: httpx.AsyncClient, content_type: str) -> None:
    answer = await http.post("/graphql", content=json.dumps(QUERY), headers={"content-type": content_type})
    assert answer.status_code == 415


async def test_a_query_goes_by_get_with_its_variables(http: httpx.AsyncClient) -> None:
    document = "query($id: ID!) { payment(id: $id) { id } }"
    parameters = {"query": document, "variables": '{"id": "pay_unknown"}', "operationName": ""}
    answer = await http.get("/graphql", params=parameters)
    assert answer.json() == {"data": {"payment": None}}


async def test_a_mutation_by_get_is_refused(http: httpx.AsyncClient) -> None:
    document = 'mutation { cancelPayment(input: {paymentId: "x"}) { __typename } }'
    for accept in ("application/json", "text/event-stream"):
        answer = await http.get("/graphql", params={"query": document}, headers={"accept": accept})
        assert "METHOD_NOT_ALLOWED" in answer.text
    answer = await http.get("/graphql", params={"query": document})
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
async def test_another_method_is_refused(http: httpx.AsyncClient, method: str) -> None:
    assert (await http.request(method, "/graphql", json=QUERY)).status_code == 405


async def test_a_subscription_wants_a_stream(http: httpx.AsyncClient) -> None:
    document = 'subscription { paymentStatus(id: "x") { id } }'
    answer = await http.post("/graphql", json={"query": document})
    assert answer.status_code == 406
    assert "text/event-stream" in answer.json()["errors"][0]["message"]


# REST


async def test_the_status_has_a_tag_and_is_not_sent_again_unchanged(http: httpx.AsyncClient, client: FrontEnd) -> None:
    payment_id = await client.begin()
    final = (await client.watch(payment_id))[-1]
    path = f"/api/payments/{payment_id}/status"
    first = await http.get(path)
    assert first.json() | {"status": "SUCCEEDED", "version": final["version"], "final": True} == first.json()
    second = await http.get(path, headers={"if-none-match": first.headers["etag"]})
    assert (second.status_code, second.content) == (304, b"")
    assert "retry-after" not in second.headers


async def test_an_open_payment_says_when_to_ask_again(http: httpx.AsyncClient, client: FrontEnd) -> None:
    payment_id = await client.begin("tok_authenticate")
    answer = await http.get(f"/api/payments/{payment_id}/status")
    assert int(answer.headers["retry-after"]) > 0


async def test_a_long_poll_is_answered_as_soon_as_there_is_news(http: httpx.AsyncClient, client: FrontEnd) -> None:
    payment_id = await client.begin("tok_slow")
    path = f"/api/payments/{payment_id}/status"
    seen: list[dict[str, Any]] = []
    tag = '"v-1"'
    while not (seen and seen[-1]["final"]):
        answer = await http.get(path, params={"wait": 20}, headers={"if-none-match": tag})
        assert answer.status_code == 200
        tag = answer.headers["etag"]
        seen.append(answer.json())
    assert seen[-1]["status"] == "SUCCEEDED"
    versions = [each["version"] for each in seen]
    assert versions == sorted(set(versions))


async def test_a_long_poll_without_news_ends_with_nothing_new(http: httpx.AsyncClient, client: FrontEnd) -> None:
    answer = await client.initiate(
        method={"card": {"token": "tok_authenticate"}}, waitFor="ACTION_OR_FINAL", timeoutMs=20_000
    )
    path = f"/api/payments/{answer['payment']['id']}/status"
    tag = (await http.get(path)).headers["etag"]
    assert (await http.get(path, params={"wait": 0.2}, headers={"if-none-match": tag})).status_code == 304


@pytest.mark.parametrize("payment_id", ["pay_unknown", "a%40b", "$ce-payment"])
async def test_the_status_of_no_payment_is_not_found(http: httpx.AsyncClient, payment_id: str) -> None:
    answer = await http.get(f"/api/payments/{payment_id}/status")
    assert answer.status_code == 404
    assert answer.json()["errors"][0]["extensions"]["code"] == "PAYMENT_NOT_FOUND"


@pytest.mark.parametrize("wait", ["soon", "-1", "61", "1e9", ""])
async def test_a_wait_that_is_none_is_named(http: httpx.AsyncClient, client: FrontEnd, wait: str) -> None:
    payment_id = await client.begin()
    answer = await http.get(f"/api/payments/{payment_id}/status", params={"wait": wait})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["extensions"]["field"] == "wait"
