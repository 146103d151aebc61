"""The four members of a request: which values they take."""

from typing import Any

from app.audit.documents import CHOSEN_OPERATION, WITH_VARIABLES
from app.audit.http.suite import SUITE, TYPES, check_answered, check_refused, check_status
from app.audit.model import Level
from app.audit.rules import Check
from app.audit.target import GRAPHQL_JSON, JSON, Target

_GOOD = {"query": "{ __typename }"}

_TAKEN: dict[str, tuple[str, dict[str, Any]]] = {
    "query": ("query as a string", _GOOD),
    "operation-name": ("operationName as a string", CHOSEN_OPERATION),
    "operation-name-null": ("operationName as null", {**_GOOD, "operationName": None}),
    "variables": ("variables as an object", WITH_VARIABLES),
    "variables-null": ("variables as null", {**_GOOD, "variables": None}),
    "extensions": ("extensions as an object", {**_GOOD, "extensions": {"audited": True}}),
    "extensions-null": ("extensions as null", {**_GOOD, "extensions": None}),
}

_VALUES: dict[str, Any] = {
    "an object": {"a": 1},
    "a number": 7,
    "a boolean": True,
    "an array": ["a"],
    "a string": "text",
}
_WRONG = {
    "query": ("an object", "a number", "a boolean", "an array"),
    "operationName": ("an object", "a number", "a boolean", "an array"),
    "variables": ("a string", "a number", "a boolean", "an array"),
    "extensions": ("a string", "a number", "a boolean", "an array"),
}


def _takes(body: dict[str, Any], accept: str) -> Check:
    async def check(target: Target) -> str:
        check_answered(await target.post(body, accept))
        return "HTTP 200"

    return check


for _name, (_what, _body) in _TAKEN.items():
    for _type, _accept in TYPES.items():
        _level = Level.MUST if _accept == JSON else Level.SHOULD
        SUITE.rule(_level, f"takes-{_name}-{_type}", f"A request may have {_what}, for {_accept}")(
            _takes(_body, _accept)
        )


def _refuses(body: Any, accept: str = JSON) -> Check:
    async def check(target: Target) -> str:
        return check_status(await target.post(body, accept), 400)

    return check


for _member, _kinds in _WRONG.items():
    for _kind in _kinds:
        SUITE.should(
            f"refuses-{_member}-{_kind.split()[-1]}", f"{_kind.capitalize()} for {_member} is refused with 400"
        )(_refuses({**_GOOD, _member: _VALUES[_kind]}))

SUITE.should("refuses-no-query", "A request without a query is refused with 400")(_refuses({"variables": {}}))
SUITE.should("refuses-null-query", "A request with null for a query is refused with 400")(_refuses({"query": None}))
SUITE.should("refuses-no-body", "A request without a body is refused with 400")(_refuses(b""))
SUITE.should("refuses-null", "A body that says null is refused with 400")(_refuses(b"null"))
SUITE.should("refuses-text", "A body that says a string is refused with 400")(_refuses(b'"{ __typename }"'))
for _type, _accept in TYPES.items():
    SUITE.should(f"refuses-malformed-{_type}", f"A body that is not JSON is refused with 400, for {_accept}")(
        _refuses(b"{nonsense", _accept)
    )


@SUITE.may("refuses-array", "A body that says an array is refused with 4xx: batches are no part of the specification")
async def _array(target: Target) -> str:
    return check_refused(await target.post([_GOOD]))


@SUITE.should("unknown-members", "Members that the specification does not know are passed over")
async def _unknown_members(target: Target) -> str:
    check_answered(await target.post({**_GOOD, "more": {"of": "it"}}, GRAPHQL_JSON))
    return "HTTP 200"
