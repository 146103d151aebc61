"""The form of what GraphQL itself says, whatever carries it (GraphQL specification, "Response")."""

import json
from typing import Any

import httpx

from app.audit.model import NotMet

_TOP_LEVEL = {"data", "errors", "extensions"}


def decoded(answer: httpx.Response) -> Any:
    """What an answer's JSON says; raises `NotMet` when it is none."""
    try:
        return answer.json()
    except ValueError:
        raise NotMet(f"HTTP {answer.status_code} with a body that is not JSON") from None


def check_result(value: Any) -> dict[str, Any]:
    """An execution result as it came; raises `NotMet` when it is of another form."""
    if not isinstance(value, dict):
        raise NotMet(f"a result that is no object: {shown(value)}")
    if not value.keys() & {"data", "errors"}:
        raise NotMet(f"a result with neither data nor errors: {shown(value)}")
    if foreign := value.keys() - _TOP_LEVEL:
        raise NotMet(f"a result with members that GraphQL does not know: {', '.join(sorted(foreign))}")
    if "errors" in value:
        check_errors(value["errors"])
    return value


def check_data(value: Any) -> dict[str, Any]:
    """A result that holds data and no errors."""
    result = check_result(value)
    if result.get("data") is None or "errors" in result:
        raise NotMet(f"no data: {shown(result)}")
    return result


def check_errors(errors: Any) -> list[dict[str, Any]]:
    """A list of GraphQL errors as it came; raises `NotMet` when it is none."""
    if not isinstance(errors, list) or not errors:
        raise NotMet(f"errors that are not a list with something in it: {shown(errors)}")
    for error in errors:
        if not isinstance(error, dict) or not isinstance(error.get("message"), str):
            raise NotMet(f"an error without a message: {shown(error)}")
    return errors


def check_refusal(value: Any) -> dict[str, Any]:
    """A result that says why nothing was executed: errors, and no `data` at all."""
    result = check_result(value)
    if "errors" not in result:
        raise NotMet(f"no errors: {shown(result)}")
    if "data" in result:
        raise NotMet("a member data, although nothing was executed")
    return result


def shown(value: Any) -> str:
    """`value` as JSON, short enough for a report."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 100 else f"{text[:99]}…"
