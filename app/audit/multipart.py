"""Subscriptions over `multipart/mixed` [Apollo, "Multipart HTTP protocol for GraphQL subscriptions"]."""

from typing import Any

import httpx

from app.audit.documents import REFUSED
from app.audit.model import NotExamined, NotMet, NotOffered, Protocol
from app.audit.multipart_body import Body, boundary_of, read_body
from app.audit.results import check_data, check_errors, check_result, decoded, shown
from app.audit.rules import Check, Suite
from app.audit.target import Target, check_as_they_come

SUITE = Suite(Protocol.MULTIPART, "multipart")
ACCEPT = 'multipart/mixed;subscriptionSpec="1.0", application/json'
_KNOWN = {"payload", "errors"}


def _check_media_type(response: httpx.Response) -> str:
    content_type: str = response.headers.get("content-type", "")
    if response.status_code != 200 or not content_type.lower().startswith("multipart/mixed"):
        raise NotMet(f"HTTP {response.status_code} with {content_type or 'no content type'}")
    return content_type


async def _body(target: Target, payload: dict[str, Any], accept: str = ACCEPT) -> Body:
    async with target.stream(payload, accept) as response:
        return await read_body(_check_media_type(response), response.aiter_raw())


def _payloads(body: Body) -> list[Any]:
    """What the parts that hold a value say, heartbeats left out."""
    messages = [message for part in body.parts() if (message := part.json())]
    for message in messages:
        if not isinstance(message, dict) or "payload" not in message or message.keys() - _KNOWN:
            raise NotMet(f"a part that is neither a heartbeat nor a payload: {shown(message)}")
    return [message["payload"] for message in messages]


@SUITE.must("media-type", "A subscription is answered with multipart/mixed that names a boundary")
async def _media_type(target: Target) -> str:
    async with target.stream(await target.finite(), ACCEPT) as response:
        content_type = _check_media_type(response)
        boundary_of(content_type)
    return content_type


@SUITE.must("media-type-spec", "The content type names the protocol: subscriptionSpec 1.0")
async def _media_type_spec(target: Target) -> str:
    async with target.stream(await target.finite(), ACCEPT) as response:
        content_type = _check_media_type(response)
    parameters = [text.strip().lower() for text in content_type.split(";")[1:]]
    if not {"subscriptionspec=1.0", 'subscriptionspec="1.0"'} & set(parameters):
        raise NotMet(content_type)
    return content_type


@SUITE.must("media-type-clean", "The content type is one media type: nothing of the request's Accept is left in it")
async def _media_type_clean(target: Target) -> str:
    async with target.stream(await target.finite(), ACCEPT) as response:
        content_type = _check_media_type(response)
    if "," in content_type:
        raise NotMet(content_type)
    return content_type


@SUITE.should("accept-unquoted", "subscriptionSpec may stand without quotes in Accept")
async def _accept_unquoted(target: Target) -> str:
    async with target.stream(await target.finite(), ACCEPT.replace('"', "")) as response:
        return _check_media_type(response)


@SUITE.must("opened", "The body begins with a delimiter")
async def _opened(target: Target) -> str:
    body = await _body(target, await target.finite())
    if not body.opened:
        raise NotMet(f"it begins with {body.text[:30]!r}")
    return "a delimiter"


@SUITE.must("closed", "The body ends with the last delimiter")
async def _closed(target: Target) -> str:
    body = await _body(target, await target.finite())
    if not body.closed:
        raise NotMet(f"it ends with {body.text[-30:]!r}")
    return "the last delimiter"


@SUITE.must("parts", "Each part has a head, a blank line and something in it")
async def _parts(target: Target) -> str:
    body = await _body(target, await target.finite())
    if not all(part.content for part in body.parts()):
        raise NotMet("an empty part")
    return "all of that form"


@SUITE.must("part-type", "Each part says that it is application/json")
async def _part_type(target: Target) -> str:
    body = await _body(target, await target.finite())
    for part in body.parts():
        if not part.headers.get("content-type", "").startswith("application/json"):
            raise NotMet(f"the head of a part is {part.head!r}")
    return "application/json"


@SUITE.must("values", "Values are sent in the member payload, each a result of GraphQL")
async def _values(target: Target) -> str:
    values = _payloads(await _body(target, await target.finite()))
    for value in values:
        check_data(value)
    if len(values) < 2:
        raise NotMet(f"{len(values)} values, where the scenario has two")
    return "values in payload"


@SUITE.must("as-they-come", "Values are sent as they come, not together at the end")
async def _as_they_come(target: Target) -> str:
    async def duration() -> float:
        pieces = (await _body(target, await target.finite())).pieces
        return pieces[-1].at - pieces[0].at

    return await check_as_they_come(duration)


@SUITE.should(
    "delimited-early", "The delimiter after a value comes with the value, without which clients are one behind"
)
async def _delimited_early(target: Target) -> str:
    if (await _body(target, await target.finite())).delimited_late():
        raise NotMet("a delimiter came only with the part after it")
    return "with the value"


@SUITE.should("heartbeat", "A stream without news sends heartbeats, each an empty object")
async def _heartbeat(target: Target) -> str:
    async with target.stream(await target.lasting(), ACCEPT) as response:
        boundary = boundary_of(_check_media_type(response))
        so_far = b""
        async for piece in response.aiter_raw():
            so_far += piece
            if any(part.content == b"{}" for part in Body.of(boundary, so_far).parts()):
                return "a heartbeat"
    raise NotExamined("the stream ended")


def _refused(payload: dict[str, Any]) -> Check:
    async def check(target: Target) -> str:
        async with target.stream(payload, ACCEPT) as response:
            if response.headers.get("content-type", "").lower().startswith("multipart/mixed"):
                return _check_fatal(await read_body(response.headers["content-type"], response.aiter_raw()))
            await response.aread()
            check_errors(check_result(decoded(response)).get("errors"))
            return "errors in one answer of JSON"

    return check


def _check_fatal(body: Body) -> str:
    messages = [message for part in body.parts() if (message := part.json())]
    if len(messages) != 1 or not body.closed:
        raise NotMet("a refusal is not one part and then the end")
    (message,) = messages
    # Errors of the request stand beside a payload of null; a router may give them as a result instead.
    check_errors(message["errors"] if message.get("payload") is None else message["payload"].get("errors"))
    return "errors, then the end"


for _name, _payload in REFUSED.items():
    _what = _name.replace("-", " ")
    SUITE.must(f"error-{_name}", f"A document refused for its {_what} is told, and then the answer ends")(
        _refused(_payload)
    )


@SUITE.should("fatal-form", "Errors that end a stream stand beside a payload of null")
async def _fatal_form(target: Target) -> str:
    async with target.stream(REFUSED["unknown-field"], ACCEPT) as response:
        content_type = response.headers.get("content-type", "")
        if not content_type.lower().startswith("multipart/mixed"):
            raise NotOffered("refused documents are answered with JSON")
        body = await read_body(content_type, response.aiter_raw())
    (message,) = [message for part in body.parts() if (message := part.json())]
    if message.get("payload", message) is not None:
        raise NotMet(shown(message))
    check_errors(message.get("errors"))
    return "payload null, errors"


@SUITE.must("query", "A query of such a client is answered, as a stream of one value or as JSON")
async def _query(target: Target) -> str:
    async with target.stream(target.query, ACCEPT) as response:
        content_type = response.headers.get("content-type", "")
        if not content_type.lower().startswith("multipart/mixed"):
            await response.aread()
            check_data(decoded(response))
            return str(content_type)
        (value,) = _payloads(await read_body(content_type, response.aiter_raw()))
    check_data(value)
    return str(content_type)
