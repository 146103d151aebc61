"""API keys: recognised, but not kept."""

import gc
import hmac

import pytest

from app.access.api_keys import ApiKeys
from app.access.model import EVERY_SCOPE, Means, MerchantCaller, Principal, key_id_of
from app.domain.ids import MerchantId

KEY = "sk_live_of_acme"


def keys() -> ApiKeys:
    return ApiKeys({KEY: "acme", "sk_live_of_other": "other"})


def test_a_known_key_acts_for_its_merchant_in_everything() -> None:
    assert keys().caller(KEY) == MerchantCaller(
        MerchantId("acme"), Principal(Means.API_KEY, key_id_of(KEY)), EVERY_SCOPE, key_id_of(KEY), expires_at=None
    )


@pytest.mark.parametrize("key", ["", "sk_live_of_acm", "sk_live_of_acme ", "SK_LIVE_OF_ACME", key_id_of(KEY), "é"])
def test_a_key_that_is_not_known_acts_for_nobody(key: str) -> None:
    assert keys().caller(key) is None


def test_without_keys_nobody_is_known() -> None:
    assert ApiKeys({}).caller("") is None


@pytest.mark.parametrize("key", [KEY, "unknown"])
def test_every_key_is_compared_in_constant_time(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []
    genuine = hmac.compare_digest

    def watched(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return genuine(one, other)

    known = keys()
    monkeypatch.setattr(hmac, "compare_digest", watched)
    known.caller(key)
    assert [(len(one), len(other)) for one, other in compared] == [(32, 32)]


def test_no_key_is_kept_or_shown() -> None:
    known = keys()
    caller = known.caller(KEY)
    assert KEY not in f"{known!r} {caller!r} {vars(known)!r}"
    assert KEY not in _strings_reachable_from(known)


def test_the_id_of_a_key_is_always_the_same_and_tells_nothing_of_it() -> None:
    assert key_id_of(KEY) == "key_" + key_id_of(KEY).removeprefix("key_").lower()
    assert len({key_id_of(KEY), key_id_of(KEY), key_id_of("another")}) == 2
    assert KEY not in key_id_of(KEY)


def _strings_reachable_from(root: object) -> set[str]:
    seen: dict[int, object] = {}
    waiting = [root]
    while waiting:
        thing = waiting.pop()
        if id(thing) not in seen and not isinstance(thing, type):
            seen[id(thing)] = thing
            waiting.extend(gc.get_referents(thing))
    return {thing for thing in seen.values() if isinstance(thing, str)}
