"""GET, which reads and nothing else, and the methods that do not exist here."""

import json

import httpx

from app.audit.documents import CHOSEN_OPERATION, MIXED, MUTATION, SYNTAX_ERROR, WITH_VARIABLES
from app.audit.http.suite import SUITE, TYPES, check_answered, check_refused, check_status
from app.audit.model import NotMet, NotOffered
from app.audit.results import check_result, decoded
from app.audit.rules import Check
from app.audit.target import GRAPHQL_JSON, JSON, Target


async def _gets(target: Target) -> None:
    """Raise `NotOffered` where queries are not taken by GET at all, as the specification allows."""
    answer = await target.get(query=target.options.query)
    if answer.status_code in (404, 405, 501):
        raise NotOffered(f"GET is answered with HTTP {answer.status_code}")


@SUITE.may("get", "A query goes by GET")
async def _get(target: Target) -> str:
    await _gets(target)
    check_answered(await target.get(query=target.options.query))
    return "HTTP 200"


def _get_variables(accept: str) -> Check:
    async def check(target: Target) -> str:
        await _gets(target)
        variables = json.dumps(WITH_VARIABLES["variables"])
        answer = await target.get(accept, query=WITH_VARIABLES["query"], variables=variables)
        if "kind" not in check_answered(answer):
            raise NotMet("the answer shows nothing of the variable")
        return "the variable was used"

    return check


for _name, _accept in TYPES.items():
    SUITE.may(f"get-variables-{_name}", f"Variables go by GET as JSON in the address, for {_accept}")(
        _get_variables(_accept)
    )


@SUITE.may("get-extensions", "Extensions go by GET as JSON in the address")
async def _get_extensions(target: Target) -> str:
    await _gets(target)
    check_answered(await target.get(query=target.options.query, extensions='{"audited": true}'))
    return "HTTP 200"


@SUITE.may("get-operation-name", "operationName goes by GET")
async def _get_operation_name(target: Target) -> str:
    await _gets(target)
    if set(check_answered(await target.get(**CHOSEN_OPERATION))) != {"b"}:
        raise NotMet("another operation was executed")
    return "the chosen one was executed"


def _refuses_by_get(accept: str, **parameters: str) -> Check:
    async def check(target: Target) -> str:
        await _gets(target)
        return check_status(await target.get(accept, **parameters), 400)

    return check


_GOOD = "{ __typename }"
SUITE.should("get-variables-malformed", "Variables by GET that are not JSON are refused with 400")(
    _refuses_by_get(JSON, query=_GOOD, variables="{nonsense")
)
SUITE.should("get-variables-string", "Variables by GET that are no object are refused with 400")(
    _refuses_by_get(JSON, query=_GOOD, variables='"text"')
)
SUITE.should("get-extensions-malformed", "Extensions by GET that are not JSON are refused with 400")(
    _refuses_by_get(JSON, query=_GOOD, extensions="{nonsense")
)
SUITE.should("get-no-query", "A GET without a query is refused with 400")(_refuses_by_get(JSON, variables="{}"))
SUITE.should("get-syntax-error", f"A document by GET that cannot be read is 400 in {GRAPHQL_JSON}")(
    _refuses_by_get(GRAPHQL_JSON, **SYNTAX_ERROR)
)


def _check_not_executed(answer: httpx.Response) -> str:
    if answer.status_code < 400 and check_result(decoded(answer)).get("data") is not None:
        raise NotMet("the mutation was executed")
    return f"HTTP {answer.status_code}"


@SUITE.must("get-mutation", "A mutation by GET is not executed")
async def _get_mutation(target: Target) -> str:
    answer = await target.get(**MUTATION)
    return _check_not_executed(answer)


@SUITE.should("get-mutation-405", "A mutation by GET is refused with 405")
async def _get_mutation_405(target: Target) -> str:
    return check_status(await target.get(**MUTATION), 405)


@SUITE.must("get-chosen-mutation", "A mutation that operationName chooses by GET is not executed, a query beside it is")
async def _get_chosen_mutation(target: Target) -> str:
    await _gets(target)
    writing = await target.get(query=MIXED, operationName="Write")
    _check_not_executed(writing)
    reading = await target.get(query=MIXED, operationName="Read")
    if reading.status_code != 200:
        raise NotMet(f"the query beside it: HTTP {reading.status_code}")
    return f"HTTP {writing.status_code} and 200"


@SUITE.should("other-methods", "Methods other than GET and POST are refused with 405")
async def _other_methods(target: Target) -> str:
    return check_status(await target.http.patch(target.url, json=target.query), 405, 501)


@SUITE.must("other-methods-allow", "A 405 says in Allow which methods there are")
async def _allow(target: Target) -> str:
    answer = await target.http.patch(target.url, json=target.query)
    if answer.status_code != 405:
        raise NotOffered(f"PATCH is answered with HTTP {answer.status_code}")
    if "POST" not in answer.headers.get("allow", ""):
        raise NotMet(f"allow: {answer.headers.get('allow', 'absent')}")
    return str(answer.headers["allow"])


@SUITE.should("subscription", "A subscription of a client that takes no stream is refused, and not left hanging")
async def _subscription(target: Target) -> str:
    answer = await target.post({"query": "subscription { __typename }"}, GRAPHQL_JSON)
    return check_refused(answer)
