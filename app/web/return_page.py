"""`/return/{payment}`: where providers send customers back to.

What the browser brings along is not looked at: only the provider's own word moves a payment.
"""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from app.domain.ids import ID_GRAMMAR
from app.domain.payment.model import PaymentStatus
from app.eventstore.port import EventStoreError
from app.gateway.returning import Returns

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
}
_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>{again}
<style>body {{ font: 1.1rem system-ui; max-width: 30rem; margin: 4rem auto; padding: 0 1rem }}</style></head>
<body><h1>{title}</h1><p>{text}</p></body></html>
"""
_AGAIN = '<meta http-equiv="refresh" content="2">'
_TEXTS = {
    PaymentStatus.SUCCEEDED: ("Payment received", "Thank you. You may close this page."),
    PaymentStatus.AUTHORIZED: ("Payment authorised", "Thank you. You may close this page."),
    PaymentStatus.FAILED: ("Payment failed", "No money was taken. Please try again, or pay another way."),
    PaymentStatus.CANCELLED: ("Payment cancelled", "No money was taken."),
    PaymentStatus.EXPIRED: ("Payment expired", "The time to pay was over. Please begin again."),
    PaymentStatus.PARTIALLY_REFUNDED: ("Payment refunded in part", "You may close this page."),
    PaymentStatus.REFUNDED: ("Payment refunded", "You may close this page."),
}
_WAITING = ("Waiting for the payment", "As soon as we know more, this page shows it.")


class ReturnPage:
    """Sends customers on to the shop or, when the merchant named no address, shows how the payment stands."""

    def __init__(self, returns: Callable[[], Returns]) -> None:
        self._returns = returns

    async def show(self, request: Request) -> Response:
        """Answer one request."""
        payment_id = request.path_params["payment"]
        try:
            returned = await self._returns().arrived(payment_id) if ID_GRAMMAR.fullmatch(payment_id) else None
        except EventStoreError:
            return _page(*_WAITING, again=True, status=503)
        if returned is None:
            return _page("No such payment", "Please go back to the shop.", status=404)
        if returned.shop is not None:
            return RedirectResponse(returned.shop, 303, _HEADERS)
        title, text = _TEXTS.get(returned.status, _WAITING)
        return _page(title, text, again=returned.status not in _TEXTS)


def _page(title: str, text: str, *, again: bool = False, status: int = 200) -> Response:
    html = _PAGE.format(title=title, text=text, again=_AGAIN if again else "")
    return HTMLResponse(html, status, _HEADERS)
