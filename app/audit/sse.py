"""GraphQL over Server-Sent Events [enisdenjo/graphql-sse, PROTOCOL.md], distinct connections first."""

import json
from typing import Any

import httpx

from app.audit.documents import MUTATION, REFUSED, WITH_VARIABLES
from app.audit.event_stream import Event, read_events
from app.audit.model import Level, NotExamined, NotMet, NotOffered, Protocol
from app.audit.results import check_data, check_refusal, check_result
from app.audit.rules import Check, Suite
from app.audit.target import Target, check_as_they_come

SUITE = Suite(Protocol.EVENTS, "sse")
EVENT_STREAM = "text/event-stream"


async def _read(response: httpx.Response) -> list[Event]:
    """All that comes, comments too."""
    _check_media_type(response)
    return [event async for event in read_events(response.aiter_raw())]


def _check_media_type(response: httpx.Response) -> str:
    content_type = response.headers.get("content-type", "")
    if response.status_code != 200 or content_type.partition(";")[0].strip().lower() != EVENT_STREAM:
        raise NotMet(f"HTTP {response.status_code} with {content_type or 'no content type'}")
    return EVENT_STREAM


async def _events(target: Target, body: dict[str, Any], method: str = "POST", **headers: str) -> list[Event]:
    """The events of an operation, from which comments are taken out and which have to end with `complete`."""
    async with target.stream(body, EVENT_STREAM, method, **headers) as response:
        events = [event for event in await _read(response) if not event.is_comment]
    if not events or events[-1].name != "complete":
        raise NotMet("the stream ends without complete")
    return events


async def _results(target: Target, body: dict[str, Any], method: str = "POST", **headers: str) -> list[dict[str, Any]]:
    """The results of an operation, each in an event `next`."""
    *values, _ = await _events(target, body, method, **headers)
    for event in values:
        if event.name != "next":
            raise NotMet(f"an event {event.name}")
    return [check_result(event.result()) for event in values]


@SUITE.must("media-type", "A client that takes event streams alone is answered 200 with text/event-stream")
async def _media_type(target: Target) -> str:
    async with target.stream(target.query, EVENT_STREAM) as response:
        return _check_media_type(response)


@SUITE.must("query", "A query is answered with one next and one complete")
async def _query(target: Target) -> str:
    results = await _results(target, target.query)
    if len(results) != 1:
        raise NotMet(f"{len(results)} next")
    check_data(results[0])
    return "next, complete"


@SUITE.must("variables", "Variables reach the operation")
async def _variables(target: Target) -> str:
    if "kind" not in check_data((await _results(target, WITH_VARIABLES))[0])["data"]:
        raise NotMet("the answer shows nothing of the variable")
    return "the variable was used"


@SUITE.must("only-its-events", "There are no events but next and complete")
async def _only_its_events(target: Target) -> str:
    names = {event.name for event in await _events(target, target.query)}
    if foreign := names - {"next", "complete"}:
        raise NotMet(f"events {', '.join(sorted(foreign))}")
    return "next, complete"


@SUITE.should("complete-dispatched", "complete has a data line, without which a browser never dispatches it")
async def _complete_dispatched(target: Target) -> str:
    if (await _events(target, target.query))[-1].data is None:
        raise NotMet("complete without data")
    return "complete with data"


@SUITE.should("preferred", "text/event-stream wins over application/json when the client likes it better")
async def _preferred(target: Target) -> str:
    async with target.stream(target.query, f"{EVENT_STREAM}, application/json;q=0.5") as response:
        return _check_media_type(response)


@SUITE.should("not-cached", "The answer may not be stored by a cache")
async def _not_cached(target: Target) -> str:
    async with target.stream(target.query, EVENT_STREAM) as response:
        policy = response.headers.get("cache-control", "")
    if not any(word in policy for word in ("no-cache", "no-store")):
        raise NotMet(f"cache-control is {policy or 'absent'}")
    return str(policy)


def _told_in_next(body: dict[str, Any], method: str) -> Check:
    async def check(target: Target) -> str:
        results = await _results(target, body, method)
        if len(results) != 1:
            raise NotMet(f"{len(results)} next")
        check_refusal(results[0])
        return "next with errors, complete"

    return check


for _name, _body in REFUSED.items():
    # What the text says MUST be told in the stream are the faults of "validation steps".
    _level = Level.MUST if _name in ("unknown-field", "missing-variable") else Level.SHOULD
    _title = f"A document refused for its {_name.replace('-', ' ')} is answered 200, next with errors, complete"
    SUITE.rule(_level, f"error-{_name}", _title)(_told_in_next(_body, "POST"))


@SUITE.should("get", "A query goes by GET, the only method of a browser's EventSource")
async def _get(target: Target) -> str:
    check_data((await _results(target, target.query, "GET"))[0])
    return "next, complete"


@SUITE.should("get-variables", "Variables go by GET, as JSON in the address")
async def _get_variables(target: Target) -> str:
    if "kind" not in check_data((await _results(target, WITH_VARIABLES, "GET"))[0])["data"]:
        raise NotMet("the answer shows nothing of the variable")
    return "the variable was used"


SUITE.should("get-error", "A document refused by GET is told in next too, since an EventSource shows no status")(
    _told_in_next(REFUSED["syntax-error"], "GET")
)


@SUITE.must("get-mutation", "A mutation by GET is not executed")
async def _get_mutation(target: Target) -> str:
    async with target.stream(MUTATION, EVENT_STREAM, "GET") as response:
        if response.status_code >= 400:
            return f"HTTP {response.status_code}"
        events = [event for event in await _read(response) if event.name == "next"]
    if any(check_result(event.result()).get("data") is not None for event in events):
        raise NotMet("the mutation was executed")
    return "errors"


@SUITE.must("stream", "A subscription sends its values as next and then one complete")
async def _stream(target: Target) -> str:
    results = await _results(target, await target.finite())
    for result in results:
        check_data(result)
    if len(results) < 2:
        raise NotMet(f"{len(results)} values, where the scenario has two")
    return "values, complete"


@SUITE.must("as-they-come", "Values are sent as they come, not together at the end")
async def _as_they_come(target: Target) -> str:
    async def duration() -> float:
        events = await _events(target, await target.finite())
        return events[-1].at - events[0].at

    return await check_as_they_come(duration)


@SUITE.should("get-stream", "A subscription goes by GET")
async def _get_stream(target: Target) -> str:
    if len(await _results(target, await target.finite(), "GET")) < 2:
        raise NotMet("values are missing")
    return "values, complete"


@SUITE.may("awake", "Something is sent before the first value, such as a comment, so that no proxy thinks it idle")
async def _awake(target: Target) -> str:
    async with target.stream(target.query, EVENT_STREAM) as response:
        first = (await _read(response))[0]
    if not first.is_comment:
        raise NotOffered("the stream begins with an event")
    return "a comment"


@SUITE.may("resume", "A stream that broke goes on after Last-Event-ID")
async def _resume(target: Target) -> str:
    watching = await target.finite()
    *values, _ = await _events(target, watching)
    if values[0].id is None:
        raise NotOffered("events have no id")
    *rest, _ = await _events(target, watching, **{"last-event-id": values[0].id})
    if [event.data for event in rest] != [event.data for event in values[1:]]:
        raise NotMet("what came after the id was not the rest")
    return "the rest, nothing twice"


# Single connection mode.


async def _reserved(target: Target) -> str:
    answer = await target.http.put(target.url)
    if answer.status_code != 201:
        raise NotOffered(f"PUT is answered with HTTP {answer.status_code}")
    if not answer.text:
        raise NotMet("a reservation without a token")
    return answer.text


@SUITE.may("single-reservation", "Single connection mode: PUT is answered 201 with a token")
async def _reservation(target: Target) -> str:
    await _reserved(target)
    return "201 with a token"


@SUITE.must("single-one-stream", "Single connection mode: a reservation is taken by one stream at a time")
async def _one_stream(target: Target) -> str:
    token = {"x-graphql-event-stream-token": await _reserved(target)}
    request = target.http.build_request("GET", target.url, headers={"accept": EVENT_STREAM, **token})
    first = await target.http.send(request, stream=True)
    try:
        _check_media_type(first)
        second = await target.http.get(target.url, headers={"accept": EVENT_STREAM, **token})
    finally:
        await first.aclose()
    if second.status_code < 400:
        raise NotMet(f"a second stream was answered with HTTP {second.status_code}")
    return f"HTTP {second.status_code}"


@SUITE.must("single-operation", "Single connection mode: an operation is answered 202 and its results name it")
async def _single_operation(target: Target) -> str:
    token = {"x-graphql-event-stream-token": await _reserved(target)}
    request = target.http.build_request("GET", target.url, headers={"accept": EVENT_STREAM, **token})
    stream = await target.http.send(request, stream=True)
    try:
        body = {**target.query, "extensions": {"operationId": "audited"}}
        headers = {"content-type": "application/json", **token}
        answer = await target.http.post(target.url, content=json.dumps(body), headers=headers)
        if answer.status_code != 202:
            raise NotMet(f"HTTP {answer.status_code} instead of 202")
        async for event in read_events(stream.aiter_raw()):
            if event.name == "next":
                if event.result().get("id") != "audited":
                    raise NotMet("a result without its operation's id")
                return "202, next with the id"
    finally:
        await stream.aclose()
    raise NotExamined("the stream ended")
