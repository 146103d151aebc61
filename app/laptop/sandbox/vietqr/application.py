"""The addresses of the pretend bank and of its feeds."""

from starlette.routing import Route

from app.laptop.sandbox.bench import Bench, Simulator
from app.laptop.sandbox.faults import Handler
from app.laptop.sandbox.vietqr.account import NAME, environment
from app.laptop.sandbox.vietqr.bank_app import BankApp
from app.laptop.sandbox.vietqr.payos_links import PayosLinks, guarded
from app.laptop.sandbox.vietqr.sepay_api import SepayApi

__all__ = ["environment", "make"]


def make(bench: Bench) -> Simulator:
    """The bank on a bench. Faults are scripted for `payos_create`, `payos_show`, `payos_cancel` and `sepay_list`."""
    app, payos, sepay = BankApp(bench), PayosLinks(bench), SepayApi(bench)

    def api(path: str, method: str, call: str, handler: Handler) -> Route:
        return Route(f"/{NAME}{path}", bench.faults.at(NAME, call, handler), methods=[method])

    links = "/payos/v2/payment-requests"
    return Simulator(
        NAME,
        [
            Route(f"/{NAME}/bank", app.show, methods=["GET"]),
            Route(f"/{NAME}/bank", app.decide, methods=["POST"]),
            Route(f"/{NAME}/bank/transfers/{{reference}}", app.receipt, methods=["GET"]),
            api(links, "POST", "payos_create", guarded(payos.create)),
            api(f"{links}/{{link}}", "GET", "payos_show", guarded(payos.show)),
            api(f"{links}/{{link}}/cancel", "POST", "payos_cancel", guarded(payos.cancel)),
            api("/payos/confirm-webhook", "POST", "payos_confirm_webhook", guarded(payos.confirm_webhook)),
            api("/sepay/v2/transactions", "GET", "sepay_list", sepay.transactions),
        ],
    )
