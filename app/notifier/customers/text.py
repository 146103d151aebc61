"""What customers are told, in their language: one file of `wording` per kind of message and locale.

Such a file has a title, paragraphs with blank lines between them, and, when there is something to open, the link's
label in brackets at its end.
"""

import copy
import re
import textwrap
from dataclasses import dataclass
from decimal import Decimal

import babel
from jinja2 import Environment, PackageLoader, StrictUndefined

from app.domain.contact.events import Locale
from app.domain.money import CURRENCY_EXPONENTS
from app.domain.payment.events import CardAuthenticationAction, RedirectAction
from app.domain.payment.model import PaymentStatus
from projections.views import PaymentView, View

_WORDINGS = {
    "paygate.payment.requires_action": "action-required",
    "paygate.payment.succeeded": "payment-succeeded",
    "paygate.payment.failed": "payment-failed",
    "paygate.payment.cancelled": "payment-cancelled",
    "paygate.payment.expired": "payment-expired",
    "paygate.payment.partially_refunded": "payment-refunded",
    "paygate.payment.refunded": "payment-refunded",
    "paygate.order.confirmed": "order-confirmed",
    "paygate.order.rejected": "order-rejected",
    "paygate.order.cancelled": "order-cancelled",
}
TOLD = frozenset(_WORDINGS)
"""The changes that customers are told of, by their type."""
TOLD_TO_ORDERS = frozenset(
    {"paygate.payment.requires_action", "paygate.payment.partially_refunded", "paygate.payment.refunded"}
)
"""Those of an order's payment that whoever is told of the order hears of too: the order tells how it ended."""

_LONGEST_DESCRIPTION = 100
# What the locale data calls currency spacing, and the library leaves out.
_CODE_BEFORE_DIGITS = re.compile(r"(?<=[A-Z])(?=\d)")
_FOR_WHAT = {"en": " for “{}”", "vi": " cho “{}”"}

# Plain text: what is HTML escapes it again.
_wordings = Environment(
    loader=PackageLoader("app.notifier.customers", "wording"),
    undefined=StrictUndefined,
    autoescape=False,  # noqa: S701
    keep_trailing_newline=False,
)


@dataclass(frozen=True, slots=True)
class Text:
    """A message in words. `link` is where the customer goes on; it is worth showing when it has a label."""

    locale: Locale
    title: str
    paragraphs: tuple[str, ...]
    link_label: str | None
    link: str
    footer: str


def text_of(message_type: str, view: View, locale: Locale, public_url: str) -> Text:
    """The words for a change of one of the `TOLD` types, which led to `view`."""
    wording = _rendered(f"{locale}/{_WORDINGS[message_type]}", **_values_of(view, locale))
    title, *paragraphs = [block.strip() for block in wording.split("\n\n")]
    label = paragraphs.pop().strip("[]") if paragraphs[-1].startswith("[") else None
    footer = _rendered(f"{locale}/footer", of_payment=isinstance(view, PaymentView), reference=view.id)
    return Text(locale, title, tuple(paragraphs), label, link_of(view, public_url), footer)


def link_of(view: View, public_url: str) -> str:
    """Where a customer goes on: to act, if that is what is needed, else to the page about the payment."""
    if isinstance(view, PaymentView) and isinstance(view.action, RedirectAction | CardAuthenticationAction):
        return view.action.url
    return page_of(view, public_url)


def page_of(view: View, public_url: str) -> str:
    """Our page about the payment, from where a customer comes back to the shop."""
    payment_id = view.id if isinstance(view, PaymentView) else view.payment_id
    return f"{public_url}/return/{payment_id}" if payment_id else public_url


def amount_in(locale: Locale, amount: int, currency: str) -> str:
    """An amount of minor units as it is written in the language: 49,99 €."""
    known = babel.Locale.parse(locale)
    exponent = CURRENCY_EXPONENTS.get(currency, 0)
    # The locale's own pattern with the currency's digits of ISO 4217, which are not everywhere those of Unicode.
    pattern = copy.copy(known.currency_formats["standard"])
    pattern.frac_prec = (exponent, exponent)
    written: str = pattern.apply(Decimal(amount).scaleb(-exponent), known, currency=currency, currency_digits=False)
    return _CODE_BEFORE_DIGITS.sub("\N{NO-BREAK SPACE}", written)


def _rendered(name: str, **values: object) -> str:
    return _wordings.get_template(f"{name}.txt").render(values)


def _values_of(view: View, locale: Locale) -> dict[str, object]:
    if not isinstance(view, PaymentView):
        return {"amount": amount_in(locale, view.total, view.currency), "for_what": ""}
    return {
        "amount": amount_in(locale, view.amount, view.currency),
        "refunded": amount_in(locale, view.refunded, view.currency),
        "partly": view.status is PaymentStatus.PARTIALLY_REFUNDED,
        "by_qr": view.method == "qr",
        "for_what": _for_what(view.description, locale),
    }


def _for_what(description: str | None, locale: Locale) -> str:
    # In one line, and short: it is the merchant's text, and nobody reads a long one on a phone.
    what = textwrap.shorten(description or "", _LONGEST_DESCRIPTION, placeholder="…")
    return _FOR_WHAT[locale].format(what) if what else ""
