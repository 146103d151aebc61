"""Transfers as the bank keeps them."""

import re
from dataclasses import asdict, dataclass

from app.laptop.sandbox.books import Books, Movement
from app.laptop.sandbox.vietqr.account import ACCOUNT, NAME, VIETNAM

_KIND = "transfer"
_CODE = re.compile("PAY[2-9A-HJ-NP-Z]{15}")


@dataclass(frozen=True, slots=True)
class Transfer:
    """Money that has come in; `at` is ISO 8601 in Vietnam's time, `order` that of the payOS link it came by."""

    number: int
    reference: str
    amount: int
    text: str
    at: str
    virtual_account: str | None = None
    order: int | None = None
    account: str = ACCOUNT

    @property
    def statement_text(self) -> str:
        """As it stands in the statement: the bank has put its own words around it."""
        return f"MBVCB.{self.number}.{self.text}.CT tu NGUYEN VAN A"

    @property
    def time(self) -> str:
        """As the feeds write it."""
        return self.at[:19].replace("T", " ")


def take_in(books: Books, amount: int, text: str, virtual_account: str | None, order: int | None) -> Transfer:
    """Book a transfer."""
    at = books.now().astimezone(VIETNAM)
    number = books.count(NAME, _KIND) + 1
    reference = f"FT{at:%y%j}{number:06d}"
    transfer = Transfer(number, reference, amount, text, at.isoformat(timespec="seconds"), virtual_account, order)
    books.file(NAME, _KIND, reference, asdict(transfer))
    code = _CODE.search(re.sub(r"\s", "", text).upper())
    paid = code[0] if code else text
    books.record(Movement("capture", reference, paid, amount, "VND", reference, books.now().isoformat(), NAME))
    return transfer


def transfers(books: Books) -> list[Transfer]:
    """All that has come in, oldest first."""
    return [Transfer(**content) for content in books.papers(NAME, _KIND)]


def transfers_with(books: Books, part: str) -> list[Transfer]:
    """What has come in with `part` in its statement's text, oldest first."""
    # The bank's own words are not on file, so that only a payment's code can be looked for among what is.
    on_file = part if _CODE.fullmatch(part) else ""
    found = (Transfer(**content) for content in books.papers(NAME, _KIND, on_file))
    return [each for each in found if part in each.statement_text]


def transfer(books: Books, reference: str) -> Transfer | None:
    """The transfer with the bank's reference."""
    content = books.paper(NAME, _KIND, reference)
    return Transfer(**content) if content else None
