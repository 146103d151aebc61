"""One caller's connections are counted apart from everybody else's."""

from app.access.model import Means, MerchantCaller, Principal, Watcher
from app.domain.ids import MerchantId, PaymentId
from app.transports.ends import End
from app.transports.places import Places

ADA = MerchantCaller(MerchantId("acme"), Principal(Means.API_KEY, "ada"))
BOB = MerchantCaller(MerchantId("acme"), Principal(Means.JWT, "bob"))
BROWSER = Watcher(PaymentId("pay_1"), "key_1")
ANOTHER_BROWSER = Watcher(PaymentId("pay_2"), "key_2")


def test_a_caller_who_holds_all_its_places_gets_no_further_one_until_it_leaves() -> None:
    places = Places(per_caller=2)
    with places.held(ADA):
        with places.held(ADA):
            assert places.refusal_of(ADA) is End.CALLER_CONNECTIONS
            assert places.refusal_of(BOB) is None
        assert places.refusal_of(ADA) is None


def test_a_client_secret_has_places_of_its_own_for_each_payment() -> None:
    places = Places(per_caller=5, per_client_secret=1)
    with places.held(BROWSER):
        assert places.refusal_of(BROWSER) is End.CALLER_CONNECTIONS
        assert places.refusal_of(ANOTHER_BROWSER) is None
        assert places.refusal_of(ADA) is None


def test_sockets_that_have_not_said_who_they_are_are_counted_together() -> None:
    places = Places(unidentified=1)
    with places.waiting():
        assert places.refusal_of_strangers is End.UNIDENTIFIED_CONNECTIONS
        assert places.refusal_of(ADA) is None
    assert places.refusal_of_strangers is None


def test_zero_is_any_number() -> None:
    places = Places()
    with places.held(ADA), places.held(BROWSER), places.waiting():
        assert places.refusal_of(ADA) is places.refusal_of(BROWSER) is places.refusal_of_strangers is None


def test_callers_who_have_left_are_forgotten() -> None:
    places = Places(per_caller=1)
    with places.held(ADA):
        pass
    assert not places._held
