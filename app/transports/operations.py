"""What a client asks of the executor, and the JSON it arrives in: refused when malformed, never half understood.

Messages name the client's own fields and hold nothing of what it sent, so they may go into answers and logs.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

_DEEPEST = 64
# Enough to write out the greatest double; beyond it Python's own conversion costs time that grows with the square.
_MOST_DIGITS = 400
_PERHAPS_SURROGATE = re.compile(r"[\ud800-\udfff]|\\u[dD][89a-fA-F]")


class MalformedJson(ValueError):
    """Text that is not JSON, or not JSON that everybody reads alike; the message is a sentence for the client."""


class MalformedOperation(ValueError):
    """A request of the wrong shape; `field` is the member at fault, None when it is the whole."""

    def __init__(self, field: str | None, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


@dataclass(frozen=True, slots=True)
class OperationRequest:
    """One GraphQL request; `query` is None when the document is named instead, by `document_id` or in `extensions`."""

    query: str | None
    operation_name: str | None
    # What a client fills in may be secret and is not shown.
    variables: Mapping[str, Any] = field(repr=False)
    extensions: Mapping[str, Any] = field(repr=False)
    document_id: str | None = None


def operation_request(data: object) -> OperationRequest:
    """The request in decoded JSON; raises `MalformedOperation`.

    GraphQL over HTTP, "Request Parameters": `query`, `operationName` and `documentId` are strings, `variables` and
    `extensions` objects, null means absent, and members nobody knows are ignored.
    """
    if not isinstance(data, dict):
        raise MalformedOperation(None, "takes an object with query, operationName, variables and extensions")
    return OperationRequest(
        query=_text(data, "query"),
        operation_name=_text(data, "operationName"),
        variables=_object(data, "variables"),
        extensions=_object(data, "extensions"),
        document_id=_text(data, "documentId"),
    )


def _text(data: dict[str, Any], field: str) -> str | None:
    value = data.get(field)
    if value is None or isinstance(value, str):
        return value
    raise MalformedOperation(field, f"{field}: takes a string or null")


def _object(data: dict[str, Any], field: str) -> Mapping[str, Any]:
    value = data.get(field)
    if value is None:
        return {}
    if isinstance(value, dict):
        return value
    raise MalformedOperation(field, f"{field}: takes an object or null")


def decode_json(text: str | bytes) -> object:
    """The value in `text`; raises `MalformedJson`.

    RFC 8259 leaves duplicate keys, lone surrogates and unbounded depth and numbers to the reader. Two readers that
    choose differently can be played against each other, so all of them are refused.
    """
    characters = _characters(text)
    try:
        value = json.loads(
            characters,
            parse_int=_integer,
            parse_float=_number,
            parse_constant=_no_constant,
            object_pairs_hook=_without_duplicates,
        )
    except MalformedJson:
        raise
    except RecursionError:
        raise MalformedJson("the JSON is nested too deeply") from None
    except ValueError:
        raise MalformedJson("the text is not valid JSON") from None
    _check_depth(characters, value)
    _check_surrogates(characters, value)
    return value


def _characters(text: str | bytes) -> str:
    if isinstance(text, str):
        return text
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedJson("the text is not valid UTF-8") from None


def _integer(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise MalformedJson("the JSON holds a number that is too long")
    return int(digits)


def _number(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise MalformedJson("the JSON holds a number that is too large")
    return value


def _no_constant(_name: str) -> NoReturn:
    raise MalformedJson("the JSON holds NaN or Infinity")


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise MalformedJson("a JSON object holds the same key twice")
    return members


def _check_depth(characters: str, value: object) -> None:
    # Most messages have too few brackets to be deep, which is cheaper to see than to walk them.
    if characters.count("[") + characters.count("{") > _DEEPEST and _deeper_than(_DEEPEST, value):
        raise MalformedJson("the JSON is nested too deeply")


def _deeper_than(most: int, value: object) -> bool:
    level = [value]
    for _ in range(most):
        level = [child for container in level for child in _children(container)]
        if not level:
            return False
    return any(isinstance(each, dict | list) for each in level)


def _children(value: object) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _check_surrogates(characters: str, value: object) -> None:
    if not _PERHAPS_SURROGATE.search(characters):
        return
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise MalformedJson("the JSON holds half of a surrogate pair") from None


def encode_json(value: object) -> bytes:
    """Compact UTF-8 JSON, as all transports send it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
