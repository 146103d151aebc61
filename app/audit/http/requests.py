"""What a server takes, and the type in which it answers."""

import json

from app.audit.http.suite import SUITE, check_answered, check_refused, check_status, check_type, media_type
from app.audit.model import NotMet
from app.audit.rules import Check
from app.audit.target import GRAPHQL_JSON, JSON, Target

_BEYOND_ASCII = '{ __typename } # "ü 🙂"'


def _answers_in(accept: str | None, *expected: str) -> Check:
    async def check(target: Target) -> str:
        answer = await target.post(target.query, accept)
        check_answered(answer)
        return check_type(answer, *expected)

    return check


_ACCEPTS = (
    (SUITE.must, "accept-json", "A client that takes application/json gets it", JSON, JSON),
    (SUITE.should, "accept-graphql", f"A client that takes {GRAPHQL_JSON} gets it", GRAPHQL_JSON, GRAPHQL_JSON),
    (
        SUITE.should,
        "accept-both",
        f"{GRAPHQL_JSON} is given where application/json stands behind it",
        f"{GRAPHQL_JSON}; charset=utf-8, {JSON}; charset=utf-8",
        GRAPHQL_JSON,
    ),
    (
        SUITE.should,
        "accept-quality",
        "The quality of a type counts, not its place",
        f"{GRAPHQL_JSON};q=0.1, {JSON};q=0.9",
        JSON,
    ),
    (SUITE.should, "accept-range", "application/* is one of the types that fit", "application/*", JSON),
)
for _register, _name, _title, _accept, _type in _ACCEPTS:
    _register(_name, _title)(_answers_in(_accept, *((JSON, GRAPHQL_JSON) if "*" in _accept else (_type,))))

SUITE.must("accept-any", "A client that takes anything gets one of the two types of GraphQL")(
    _answers_in("*/*", JSON, GRAPHQL_JSON)
)
SUITE.should("accept-absent", "A client that says nothing gets one of the two types of GraphQL")(
    _answers_in(None, JSON, GRAPHQL_JSON)
)


@SUITE.may("accept-impossible", "A client that takes nothing of what there is is told so with 406")
async def _impossible(target: Target) -> str:
    return check_status(await target.post(target.query, "image/png"), 406)


@SUITE.must("utf-8", "The answer is UTF-8 and does not say otherwise")
async def _utf_8(target: Target) -> str:
    answer = await target.post(target.query)
    charset = (answer.charset_encoding or "utf-8").lower()
    if charset not in ("utf-8", "utf8"):
        raise NotMet(f"the answer says {charset}")
    try:
        answer.content.decode("utf-8")
    except UnicodeDecodeError:
        raise NotMet("the answer is not UTF-8") from None
    return charset


@SUITE.should("utf-8-said", "The answer says that it is UTF-8")
async def _utf_8_said(target: Target) -> str:
    answer = await target.post(target.query)
    if (answer.charset_encoding or "").lower() not in ("utf-8", "utf8"):
        raise NotMet(f"content-type: {answer.headers.get('content-type')}")
    return str(answer.headers["content-type"])


def _takes(content_type: str, document: str | None = None) -> Check:
    async def check(target: Target) -> str:
        body = json.dumps({"query": document or target.options.query}, ensure_ascii=False).encode()
        headers = {"content-type": content_type, "accept": JSON}
        check_answered(await target.http.post(target.url, content=body, headers=headers))
        return "HTTP 200"

    return check


SUITE.must("post-json", "A request is taken by POST as application/json")(_takes(JSON))
SUITE.must("post-charset", "The content type may name the charset utf-8")(_takes(f"{JSON}; charset=utf-8"))
SUITE.must("post-utf-8", "What is beyond ASCII in a request is read as UTF-8 without a charset being named")(
    _takes(JSON, _BEYOND_ASCII)
)


def _refuses(content_type: str | None) -> Check:
    async def check(target: Target) -> str:
        body = json.dumps(target.query).encode()
        headers = {"accept": JSON} if content_type is None else {"accept": JSON, "content-type": content_type}
        return check_refused(await target.http.post(target.url, content=body, headers=headers))

    return check


SUITE.should("post-no-type", "A body without a content type is refused with a 4xx")(_refuses(None))
SUITE.should("post-text", "A body of text/plain, which any site's form can send, is refused with a 4xx")(
    _refuses("text/plain")
)
SUITE.should("post-form", "A body of a form is refused with a 4xx")(_refuses("application/x-www-form-urlencoded"))


@SUITE.may("post-unsupported", "A body of an unknown type is refused with 415")
async def _unsupported(target: Target) -> str:
    headers = {"accept": JSON, "content-type": "application/x-nobody-knows"}
    return check_status(await target.http.post(target.url, content=b"x", headers=headers), 415)


@SUITE.should("refusal-type", "A refusal before GraphQL begins is of a type that the client takes")
async def _refusal_type(target: Target) -> str:
    for accept in (JSON, GRAPHQL_JSON):
        answer = await target.post(b"{nonsense", accept)
        if media_type(answer) != accept:
            raise NotMet(f"{media_type(answer) or 'no type'} for a client that takes {accept}")
    return "the type that was asked for"
