"""How a credential is given, and what is said when it is given wrongly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from starlette.datastructures import Headers

from app.access.credentials import credential_in
from app.access.model import Unauthenticated

KEY = "sk_live_not_for_anybody"


@pytest.mark.parametrize(
    "given",
    [
        {"authorization": f"Bearer {KEY}"},
        {"Authorization": f"Bearer {KEY}"},
        {"AUTHORIZATION": f"bearer {KEY}"},
        {"authorization": f"  BEARER   {KEY}  "},
        {"authorization": f"Bearer {KEY}\n"},
        {"authorization": f"Bearer {KEY}", "clientSecret": None, "other": 7},
        {"clientSecret": KEY},
        {"clientSecret": KEY, "authorization": None},
        Headers({"Authorization": f"Bearer {KEY}", "Host": "gateway.test"}),
    ],
)
def test_a_credential_is_found_where_it_may_be(given: object) -> None:
    assert credential_in(given) == SecretStr(KEY)


@pytest.mark.parametrize("given", [None, {}, {"authorization": None}, {7: KEY}, Headers({"Host": "gateway.test"})])
def test_whoever_gives_none_has_none(given: object) -> None:
    assert credential_in(given) is None


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"authorization": KEY}, "the scheme is not Bearer"),
        ({"authorization": f"Basic {KEY}"}, "the scheme is not Bearer"),
        ({"authorization": f"Bearer,{KEY}"}, "the scheme is not Bearer"),
        ({"authorization": ""}, "the scheme is not Bearer"),
        ({"authorization": "Bearer"}, "authorization: is empty"),
        ({"Authorization": "Bearer  "}, "Authorization: is empty"),
        ({"clientSecret": ""}, "clientSecret: is empty"),
        ({"authorization": ["Bearer", KEY]}, "authorization: takes a string"),
        ({"authorization": {"Bearer": KEY}}, "authorization: takes a string"),
        ({"clientSecret": 7}, "clientSecret: takes a string"),
        ({"clientSecret": False}, "clientSecret: takes a string"),
        ({"authorization": f"Bearer {KEY} {KEY}"}, "authorization: takes printable ASCII characters without spaces"),
        ({"clientSecret": f"{KEY}\n"}, "clientSecret: takes printable ASCII characters without spaces"),
        ({"clientSecret": f"{KEY}é"}, "clientSecret: takes printable ASCII characters without spaces"),
        ({"clientSecret": f"{KEY}\ud800"}, "clientSecret: takes printable ASCII characters without spaces"),
        ({"authorization": "Bearer " + KEY * 1000}, "authorization: takes at most 8192 characters"),
        ({"authorization": f"Bearer {KEY}", "clientSecret": KEY}, "more than one credential"),
        ({"authorization": f"Bearer {KEY}", "Authorization": "Bearer another"}, "more than one credential"),
        (
            Headers(raw=[(b"authorization", b"Bearer one"), (b"authorization", f"Bearer {KEY}".encode())]),
            "more than one credential",
        ),
        (KEY, "the payload is not an object"),
        ([KEY], "the payload is not an object"),
        (7, "the payload is not an object"),
    ],
    ids=lambda value: value if isinstance(value, str) and value != KEY else "",
)
def test_a_credential_of_a_wrong_shape_is_refused_without_being_repeated(given: object, says: str) -> None:
    with pytest.raises(Unauthenticated, match=says) as refused:
        credential_in(given)
    assert KEY not in str(refused.value)


VALUES = st.none() | st.text() | st.integers() | st.lists(st.text())


@given(st.dictionaries(st.sampled_from(["authorization", "Authorization", "clientSecret", "x"]), VALUES) | VALUES)
def test_whatever_is_given_there_is_a_credential_or_none_or_a_refusal(given: object) -> None:
    try:
        credential = credential_in(given)
    except Unauthenticated:
        return
    assert credential is None or credential.get_secret_value().isascii()


def test_a_credential_shows_itself_to_nobody() -> None:
    credential = credential_in({"clientSecret": KEY})
    assert KEY not in f"{credential!r} {credential}"
