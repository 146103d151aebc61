"""JSON of a notice, read so that nobody can read it otherwise: UTF-8, one object, no key twice, no infinities."""

import json
from collections.abc import Sequence
from typing import Any, NoReturn

from pydantic import JsonValue

from app.providers.notices import NoticeRefused


def read_object(raw: bytes) -> dict[str, JsonValue]:
    """The JSON object in `raw`; raises `NoticeRefused` (malformed)."""
    try:
        found = json.loads(raw.decode("utf-8"), object_pairs_hook=_once_each, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise NoticeRefused("malformed") from None
    if not isinstance(found, dict):
        raise NoticeRefused("malformed")
    return found


def _once_each(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
