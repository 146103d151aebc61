"""The page on which the customer approves a charge or declines it. Works without script."""

from dataclasses import dataclass
from html import escape
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from app.laptop.sandbox import answers
from app.laptop.sandbox.answers import Refused
from app.laptop.sandbox.bodies import read_limited
from app.laptop.sandbox.books import Books
from app.laptop.sandbox.charges import Charge, ChargeStatus
from app.laptop.sandbox.ledger import Ledger
from app.laptop.sandbox.operations import Operations, existing

_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Sandbox bank</title>
<style>body {{ font: 1.1rem system-ui; max-width: 30rem; margin: 4rem auto; padding: 0 1rem }}
button {{ font: inherit; padding: .5rem 1.5rem; margin-right: 1rem }}</style></head>
<body><h1>Sandbox bank</h1>
<p>Payment <code>{reference}</code> of <strong>{amount} {currency}</strong> (in minor units){description}</p>
{rest}
</body></html>
"""
_BUTTONS = """<form method="post">
<button name="decision" value="approve">Approve</button><button name="decision" value="decline">Decline</button>
</form>"""
_OUTCOMES = {
    ChargeStatus.AUTHORIZED: "approved",
    ChargeStatus.CAPTURED: "approved",
    ChargeStatus.DECLINED: "declined",
    ChargeStatus.VOIDED: "called off",
}
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True, slots=True)
class ApprovalPage:
    """The page of every charge that waits for its customer."""

    ledger: Ledger
    operations: Operations

    async def show(self, request: Request) -> Response:
        """Two buttons, or what became of the charge."""
        charge_id = request.path_params["charge"]
        return _page(await self.ledger.transact(lambda books: existing(books, charge_id)))

    async def decide(self, request: Request) -> Response:
        """Take in what the customer pressed, and send the customer back to the shop."""
        approved = _approved(await read_limited(request))
        charge_id = request.path_params["charge"]

        def work(books: Books) -> Charge:
            return self.operations.authenticate(books, existing(books, charge_id), approved=approved)

        charge = await self.ledger.transact(work)
        # 303, so that reloading the page asks nothing twice.
        return RedirectResponse(charge.return_url or request.url.path, 303, _HEADERS)


def _approved(form: bytes) -> bool:
    match parse_qs(form.decode("ascii", "replace")).get("decision"):
        case ["approve"]:
            return True
        case ["decline"]:
            return False
    raise Refused(answers.invalid_request("Decide for approve or decline.", "decision"))


def _page(charge: Charge) -> Response:
    waits = charge.status is ChargeStatus.REQUIRES_ACTION
    html = _PAGE.format(
        reference=escape(charge.reference),
        amount=charge.amount,
        currency=escape(charge.currency),
        description=f": {escape(charge.description)}" if charge.description else "",
        rest=_BUTTONS if waits else f"<p>This payment was {_OUTCOMES[charge.status]}. You may close the page.</p>",
    )
    return HTMLResponse(html, headers=_HEADERS)
