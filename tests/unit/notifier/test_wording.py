"""Each text that customers get, word by word."""

from email.message import EmailMessage
from pathlib import Path
from typing import cast

import pytest

from app.domain.contact.events import Locale
from app.domain.event_types import EVENT_TYPES
from app.domain.payment.model import PaymentStatus
from app.notifier.customers.text import TOLD, TOLD_TO_ORDERS, Text, amount_in, link_of, text_of
from app.notifier.mail.letter import letter
from tests.unit.notifier import views
from tests.unit.notifier.views import REDIRECTED, message, payment, type_of

GOLDEN = Path(__file__).parents[2] / "golden" / "wording"
PUBLIC_URL = "https://pay.test"
LOCALES: list[Locale] = ["en", "vi"]


def text(name: str, locale: Locale) -> Text:
    view = views.TOLD[name]
    return text_of(type_of(view), view, locale, PUBLIC_URL)


def written(text: Text) -> str:
    link = [f"[{text.link_label}] {text.link}"] if text.link_label else []
    return "\n\n".join([f"# {text.title}", *text.paragraphs, *link, f"-- {text.footer}"])


@pytest.mark.parametrize("locale", LOCALES)
def test_the_texts_are_these(locale: Locale) -> None:
    texts = "\n\n\n".join(f"=== {name}\n\n{written(text(name, locale))}" for name in views.TOLD) + "\n"
    assert texts == (GOLDEN / f"{locale}.txt").read_text("utf-8")


def test_all_that_is_told_has_a_text_here() -> None:
    assert {type_of(view) for view in views.TOLD.values()} == TOLD
    assert set(EVENT_TYPES) > TOLD > TOLD_TO_ORDERS


def test_amounts_have_the_digits_of_their_currency_in_the_form_of_the_language() -> None:
    amounts = [(200_000, "VND"), (4_999, "EUR"), (5_000, "KWD"), (1, "IQD"), (7, "XXX")]
    english = [amount_in("en", *amount) for amount in amounts]
    vietnamese = [amount_in("vi", *amount).replace("\N{NO-BREAK SPACE}", " ") for amount in amounts]
    assert english == ["₫200,000", "€49.99", "KWD\N{NO-BREAK SPACE}5.000", "IQD\N{NO-BREAK SPACE}0.001", "¤7"]
    assert vietnamese == ["200.000 ₫", "49,99 €", "5,000 KWD", "0,001 IQD", "7 ¤"]


def test_a_merchants_description_is_one_short_line() -> None:
    view = payment(PaymentStatus.SUCCEEDED, description="two\r\n\r\n[coffees] " + "and a cake " * 20)
    (paragraph,) = text_of(type_of(view), view, "en", PUBLIC_URL).paragraphs
    assert "“two [coffees] and a cake" in paragraph
    assert len(paragraph) < 200


def test_a_customer_goes_on_where_they_have_to_act_and_else_to_the_page_about_the_payment() -> None:
    assert link_of(REDIRECTED, PUBLIC_URL) == "https://wallet.test/approve/1?a=1&b=2"
    assert link_of(views.TOLD["qr"], PUBLIC_URL) == "https://pay.test/return/pay_1"
    assert link_of(views.TOLD["order confirmed"], PUBLIC_URL) == "https://pay.test/return/pay_1"


class TestALetter:
    def mail(self, name: str = "wallet", locale: Locale = "en") -> EmailMessage:
        return letter(message(views.TOLD[name]), text(name, locale), "Shop <pay@shop.test>", "an@example.com")

    def part(self, mail: EmailMessage, kind: str) -> str:
        part = mail.get_body((kind,))
        assert part is not None
        return cast("str", part.get_content())

    def test_is_the_same_on_every_attempt_but_for_what_separates_its_parts(self) -> None:
        def known(mail: EmailMessage) -> list[object]:
            headers = [(name, value) for name, value in mail.items() if name != "Content-Type"]
            return [headers, self.part(mail, "plain"), self.part(mail, "html")]

        assert known(self.mail()) == known(self.mail())
        assert self.mail()["Message-ID"] == "<msg_abcdefghijklmnopqrstuvwxyz234567@shop.test>"

    def test_says_from_whom_and_in_which_language(self) -> None:
        mail = self.mail(locale="vi")
        assert (mail["From"], mail["To"]) == ("Shop <pay@shop.test>", "an@example.com")
        assert (mail["Content-Language"], mail["Auto-Submitted"]) == ("vi", "auto-generated")
        assert mail["Subject"] == "Khoản thanh toán 200.000\N{NO-BREAK SPACE}₫ đang chờ bạn"

    def test_has_the_text_twice(self) -> None:
        plain, html = self.part(self.mail(), "plain"), self.part(self.mail(), "html")
        assert "Continue: https://wallet.test/approve/1?a=1&b=2" in plain
        assert '<a href="https://wallet.test/approve/1?a=1&amp;b=2">Continue</a>' in html
        assert '<html lang="en">' in html

    def test_what_a_merchant_writes_is_text_and_not_html(self) -> None:
        view = payment(PaymentStatus.SUCCEEDED, description='<img src="x"> & co')
        mail = letter(message(view), text_of(type_of(view), view, "en", PUBLIC_URL), "pay@shop.test", "an@example.com")
        assert '<img src="x"> & co' in self.part(mail, "plain")
        assert "&lt;img src=&#34;x&#34;&gt; &amp; co" in self.part(mail, "html")
