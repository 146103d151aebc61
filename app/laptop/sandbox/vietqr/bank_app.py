"""The customer's bank app: scan, change amount and text if you like, transfer. Works without script.

A program posts `payload`; `amount` and `text` change what the code says, and each `feed` names who tells the merchant
(`none` for nobody).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from urllib.parse import parse_qs, quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.laptop.sandbox.bench import Bench
from app.laptop.sandbox.bodies import read_limited
from app.laptop.sandbox.books import Books
from app.laptop.sandbox.pages import page
from app.laptop.sandbox.vietqr.account import ACCOUNT, BANK, NAME
from app.laptop.sandbox.vietqr.feeds import FEEDS
from app.laptop.sandbox.vietqr.payload import Scanned, Unreadable, scan
from app.laptop.sandbox.vietqr.payos_links import link_of
from app.laptop.sandbox.vietqr.transfers import Transfer, take_in, transfer

_TITLE = "Sandbox bank app"
_LARGEST_AMOUNT = 10**13 - 1
_LONGEST_TEXT = 200
_NOBODY = "none"
_SCAN = """<form method="get"><p><label>QR code, as text<br><input name="payload" required autofocus></label></p>
<button>Scan</button></form>"""
_TRANSFER = """<form method="post">
<input type="hidden" name="payload" value="{payload}">
<p>To account <code>{account}</code> at bank <code>{bank}</code></p>
<p><label>Amount in đồng<br><input name="amount" inputmode="numeric" value="{amount}" required></label></p>
<p><label>Text<br><input name="text" value="{text}" maxlength="200"></label></p>
<p><label>The merchant is told by <select name="feed">{feeds}</select></label></p>
<button name="decision" value="approve">Transfer</button><button name="decision" value="cancel">Cancel</button>
</form>"""


@dataclass(frozen=True, slots=True)
class _Order:
    """What the customer has told the bank to do."""

    account: str
    amount: int
    text: str
    feeds: Sequence[str]


@dataclass(frozen=True, slots=True)
class BankApp:
    """The app's pages."""

    bench: Bench

    async def show(self, request: Request) -> Response:
        """What a QR code says, to be changed; without one, a field for it."""
        payload = request.query_params.get("payload")
        if payload is None:
            return page(_TITLE, _SCAN)
        try:
            return page(_TITLE, _transfer_form(payload, scan(payload)))
        except Unreadable as why:
            return _complaint(why)

    async def decide(self, request: Request) -> Response:
        """Transfer, and have the merchant told of it."""
        form = parse_qs((await read_limited(request)).decode("utf-8", "replace"), keep_blank_values=True)
        if form.get("decision", ["approve"]) != ["approve"]:
            return page(_TITLE, "<p>Nothing was transferred.</p>")
        try:
            order = _order(form)
            made = await self.bench.ledger.transact(lambda books: _carry_out(books, order))
        except Unreadable as why:
            return _complaint(why)
        for feed in order.feeds:
            self.bench.outbox.post(FEEDS[feed](self.bench, made))
        # 303, so that reloading the page transfers nothing twice.
        return RedirectResponse(f"/{NAME}/bank/transfers/{made.reference}", 303)

    async def receipt(self, request: Request) -> Response:
        """What has been transferred."""
        reference = request.path_params["reference"]
        made = await self.bench.ledger.transact(lambda books: transfer(books, reference))
        if made is None:
            return page(_TITLE, "<p>There is no such transfer.</p>", 404)
        text, again = escape(made.text), f"/{NAME}/bank"
        body = f"<p>{made.amount:,} đồng transferred: <code>{text}</code></p>\n<p>{made.reference}</p>"
        return page(_TITLE, f'{body}\n<p><a href="{quote(again)}">Another transfer</a></p>')


def _transfer_form(payload: str, scanned: Scanned) -> str:
    return _TRANSFER.format(
        payload=escape(payload),
        account=escape(scanned.account),
        bank=escape(scanned.bank),
        amount=scanned.amount or "",
        text=escape(scanned.text),
        feeds="".join(f"<option>{feed}</option>" for feed in (*FEEDS, _NOBODY)),
    )


def _order(form: dict[str, list[str]]) -> _Order:
    scanned = scan(form.get("payload", [""])[0])
    amount = form.get("amount", [str(scanned.amount or "")])[0]
    text = form.get("text", [scanned.text])[0]
    feeds = form.get("feed", [next(iter(FEEDS))])
    if scanned.bank != BANK:
        raise Unreadable("This bank is not reached from here.")
    if not (amount.isascii() and amount.isdigit() and 0 < int(amount[:20]) <= _LARGEST_AMOUNT):
        raise Unreadable("The amount must be a whole number of đồng.")
    if len(text) > _LONGEST_TEXT:
        raise Unreadable("The text is too long.")
    if not {*FEEDS, _NOBODY}.issuperset(feeds):
        raise Unreadable("There is no such feed.")
    return _Order(scanned.account, int(amount), text, [feed for feed in feeds if feed != _NOBODY])


def _carry_out(books: Books, order: _Order) -> Transfer:
    if order.account == ACCOUNT:
        return take_in(books, order.amount, order.text, None, None)
    link = link_of(books, order.account)
    if link is None:
        raise Unreadable("There is no such account, or it takes no more money.")
    return take_in(books, order.amount, order.text, order.account, link["order"])


def _complaint(why: Unreadable) -> Response:
    return page(_TITLE, f"<p>{escape(str(why))}</p>\n{_SCAN}", 400)
