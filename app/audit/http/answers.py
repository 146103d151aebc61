"""What an answer says, by its status and by its body."""

from typing import Any

from app.audit.documents import AMBIGUOUS_OPERATION, REFUSED, SYNTAX_ERROR, WRONG_VARIABLE
from app.audit.http.suite import SUITE, check_answered, check_status, check_type
from app.audit.model import NotMet
from app.audit.results import check_errors, check_refusal, check_result, decoded
from app.audit.rules import Check
from app.audit.target import GRAPHQL_JSON, JSON, Target

_REFUSED = {**REFUSED, "ambiguous-operation": AMBIGUOUS_OPERATION, "wrong-variable": WRONG_VARIABLE}


@SUITE.must("result-form", "A result has no members but data, errors and extensions")
async def _result_form(target: Target) -> str:
    answer = await target.post(target.query)
    check_answered(answer)
    return ", ".join(check_result(decoded(answer)))


@SUITE.must("result-status", f"A result with data and no errors is 2xx in {GRAPHQL_JSON}")
async def _result_status(target: Target) -> str:
    answer = await target.post(target.query, f"{GRAPHQL_JSON}, {JSON};q=0.1")
    if not 200 <= answer.status_code < 300:
        raise NotMet(f"HTTP {answer.status_code}")
    return f"HTTP {answer.status_code}"


def _is_400(body: dict[str, Any]) -> Check:
    async def check(target: Target) -> str:
        answer = await target.post(body, GRAPHQL_JSON)
        check_type(answer, GRAPHQL_JSON)
        return check_status(answer, 400)

    return check


def _is_not_2xx(body: dict[str, Any]) -> Check:
    async def check(target: Target) -> str:
        answer = await target.post(body, f"{GRAPHQL_JSON}, {JSON};q=0.1")
        if answer.headers.get("content-type", "").startswith(GRAPHQL_JSON) and answer.status_code < 400:
            raise NotMet(f"HTTP {answer.status_code}")
        return f"HTTP {answer.status_code}"

    return check


def _is_200(body: dict[str, Any]) -> Check:
    async def check(target: Target) -> str:
        answer = await target.post(body, JSON)
        check_type(answer, JSON)
        return check_status(answer, 200)

    return check


def _tells_errors(body: dict[str, Any]) -> Check:
    async def check(target: Target) -> str:
        for accept in (JSON, GRAPHQL_JSON):
            check_refusal(decoded(await target.post(body, accept)))
        return "errors, and no data"

    return check


for _name, _body in _REFUSED.items():
    _what = _name.replace("-", " ")
    SUITE.must(f"{_name}-not-2xx", f"A document refused for its {_what} is not 2xx in {GRAPHQL_JSON}")(
        _is_not_2xx(_body)
    )
    SUITE.should(f"{_name}-400", f"A document refused for its {_what} is 400 in {GRAPHQL_JSON}")(_is_400(_body))
    SUITE.should(f"{_name}-200", f"A document refused for its {_what} is 200 in {JSON}")(_is_200(_body))
    SUITE.must(f"{_name}-errors", f"A document refused for its {_what} has errors and no data")(_tells_errors(_body))


@SUITE.should("syntax-error-location", "A document that cannot be read is answered with the place")
async def _location(target: Target) -> str:
    errors = check_errors(check_refusal(decoded(await target.post(SYNTAX_ERROR)))["errors"])
    places = errors[0].get("locations")
    if not places or not all(place["line"] >= 1 and place["column"] >= 1 for place in places):
        raise NotMet("no locations")
    return f"line {places[0]['line']}, column {places[0]['column']}"


@SUITE.must("malformed-errors", f"A refusal before GraphQL begins has the form of a result, in {GRAPHQL_JSON}")
async def _malformed_errors(target: Target) -> str:
    answer = await target.post(b"{nonsense", GRAPHQL_JSON)
    if not answer.headers.get("content-type", "").startswith(GRAPHQL_JSON):
        return "not of that type"
    check_refusal(decoded(answer))
    return "errors"
