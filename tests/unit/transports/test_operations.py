"""What is not JSON that everybody reads alike, or not a request in shape, is refused with a sentence of our own."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.transports.operations import (
    MalformedJson,
    MalformedOperation,
    OperationRequest,
    decode_json,
    encode_json,
    operation_request,
)

SECRET = "sk_live_canary"

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda children: st.lists(children) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), children),
    max_leaves=20,
)


@given(json_values)
def test_what_is_encoded_is_decoded_again_from_text_and_from_bytes(value: Any) -> None:
    encoded = encode_json(value)
    assert decode_json(encoded) == value
    assert decode_json(encoded.decode()) == value
    assert decode_json(json.dumps(value)) == value


REFUSED = {
    "empty": ("", "the text is not valid JSON"),
    "blank": (" \n", "the text is not valid JSON"),
    "half an object": ("{", "the text is not valid JSON"),
    "two values": ("{}{}", "the text is not valid JSON"),
    "single quotes": ("{'a':1}", "the text is not valid JSON"),
    "trailing comma": ("[1,]", "the text is not valid JSON"),
    "comment": ("[1] // one", "the text is not valid JSON"),
    "leading zero": ("01", "the text is not valid JSON"),
    "control character in a string": ('"\x00"', "the text is not valid JSON"),
    "byte order mark": ("\ufeff{}", "the text is not valid JSON"),
    "byte order mark in bytes": (b"\xef\xbb\xbf{}", "the text is not valid JSON"),
    "UTF-16": ('{"a":1}'.encode("utf-16-le"), "the text is not valid JSON"),
    "Latin-1": (b'"\xe9"', "the text is not valid UTF-8"),
    "overlong UTF-8": (b'"\xc0\xaf"', "the text is not valid UTF-8"),
    "surrogate in UTF-8": (b'"\xed\xa0\x80"', "the text is not valid UTF-8"),
    "NaN": ('{"a":NaN}', "the JSON holds NaN or Infinity"),
    "Infinity": ("[Infinity]", "the JSON holds NaN or Infinity"),
    "minus Infinity": ("-Infinity", "the JSON holds NaN or Infinity"),
    "infinite after all": ("1e999", "the JSON holds a number that is too large"),
    "negative infinite": ("[-1.0e400]", "the JSON holds a number that is too large"),
    "5,000 digits": ("9" * 5000, "the JSON holds a number that is too long"),
    "401 digits": ("9" * 401, "the JSON holds a number that is too long"),
    "duplicate key": ('{"a":1,"a":1}', "a JSON object holds the same key twice"),
    "duplicate key deep down": ('[{"b":{"a":1,"\\u0061":2}}]', "a JSON object holds the same key twice"),
    "high surrogate": ('"\\ud800"', "the JSON holds half of a surrogate pair"),
    "low surrogate in a key": ('{"\\uDC00":1}', "the JSON holds half of a surrogate pair"),
    "pair the wrong way round": ('"\\udc00\\ud800"', "the JSON holds half of a surrogate pair"),
    "surrogate in the text": ('"\ud800"', "the JSON holds half of a surrogate pair"),
    "65 arrays": ("[" * 65 + "]" * 65, "the JSON is nested too deeply"),
    "65 objects": ('{"a":' * 65 + "1" + "}" * 65, "the JSON is nested too deeply"),
    "20,000 arrays": ("[" * 20_000 + "]" * 20_000, "the JSON is nested too deeply"),
    "20,000 arrays that never end": ("[" * 20_000, "the JSON is nested too deeply"),
}


@pytest.mark.parametrize(("text", "sentence"), REFUSED.values(), ids=REFUSED.keys())
def test_json_that_readers_disagree_about_is_refused(text: str | bytes, sentence: str) -> None:
    """RFC 8259 §4 (keys), §6 (numbers), §8.1 (encoding), §8.2 (surrogates), §9 (limits)."""
    with pytest.raises(MalformedJson) as fault:
        decode_json(text)
    assert str(fault.value) == sentence
    assert fault.value.__cause__ is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("[" * 64 + "]" * 64, None),
        ("9" * 400, int("9" * 400)),
        ("1.7976931348623157e308", 1.7976931348623157e308),
        ('"\\ud83d\\ude00"', "😀"),
        ('"\\\\ud800"', "\\ud800"),
        ("[" + ",".join(["[]"] * 1000) + "]", [[]] * 1000),
        ('"' + "[" * 1000 + '"', "[" * 1000),
    ],
    ids=["64 arrays", "400 digits", "greatest double", "surrogate pair", "escaped backslash", "wide", "brackets"],
)
def test_what_only_looks_dangerous_is_read(text: str, value: Any) -> None:
    decoded = decode_json(text)
    assert value is None or decoded == value


@given(st.text() | st.binary())
def test_no_text_raises_anything_else(text: str | bytes) -> None:
    with suppress(MalformedJson):
        decode_json(text)


def test_a_request_is_read_and_what_nobody_knows_is_ignored() -> None:
    """GraphQL over HTTP, "Request Parameters"."""
    data = {
        "query": "query A { a }",
        "operationName": "A",
        "variables": {"id": [1]},
        "extensions": {"after": 3},
        "unknown": object(),
    }
    assert operation_request(data) == OperationRequest("query A { a }", "A", {"id": [1]}, {"after": 3})


@pytest.mark.parametrize("data", [{}, dict.fromkeys(["query", "operationName", "variables", "extensions"])])
def test_null_means_absent(data: object) -> None:
    assert operation_request(data) == OperationRequest(None, None, {}, {})


STRINGS: tuple[object, ...] = (0, 1, 1.5, True, False, [], [SECRET], {}, {"a": SECRET})
OBJECTS: tuple[object, ...] = ("", SECRET, 0, 1, 1.5, True, False, [], [SECRET])


@pytest.mark.parametrize("data", [None, "", SECRET, 0, 1.5, True, [], [{"query": SECRET}]], ids=repr)
def test_what_is_no_object_is_no_request(data: object) -> None:
    with pytest.raises(MalformedOperation) as fault:
        operation_request(data)
    assert (fault.value.field, SECRET in fault.value.message) == (None, False)


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [(field, value, "takes a string or null") for field in ("query", "operationName") for value in STRINGS]
    + [(field, value, "takes an object or null") for field in ("variables", "extensions") for value in OBJECTS],
)
def test_a_member_of_the_wrong_type_is_named_and_not_quoted(field: str, value: object, sentence: str) -> None:
    with pytest.raises(MalformedOperation) as fault:
        operation_request({"query": "{ a }", field: value})
    assert (fault.value.field, fault.value.message) == (field, f"{field}: {sentence}")


def test_a_request_does_not_show_what_a_client_filled_in() -> None:
    request = operation_request({"query": "{ a }", "variables": {"secret": SECRET}, "extensions": {"token": SECRET}})
    assert SECRET not in repr(request)
