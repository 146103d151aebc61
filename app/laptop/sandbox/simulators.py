"""Which providers the sandbox simulates, beside its own card provider."""

from collections.abc import Mapping

from app.laptop.sandbox import momo, stripe, zalopay
from app.laptop.sandbox.bench import Bench, Environment, Make, Simulator
from app.laptop.sandbox.paypal import application as paypal
from app.laptop.sandbox.vietqr import application as vietqr
from app.laptop.sandbox.vnpay import application as vnpay

SIMULATORS: Mapping[str, tuple[Make, Environment]] = {
    "stripe": (stripe.make, stripe.environment),
    "paypal": (paypal.make, paypal.environment),
    "momo": (momo.make, momo.environment),
    "zalopay": (zalopay.make, zalopay.environment),
    "vnpay": (vnpay.make, vnpay.environment),
    "vietqr": (vietqr.make, vietqr.environment),
}
"""By the name that clients write in `provider`."""


def simulators(bench: Bench) -> list[Simulator]:
    """All of them, on one bench."""
    return [make(bench) for make, _ in SIMULATORS.values()]


def environment(sandbox_url: str) -> dict[str, str]:
    """The variables that point a paygate at all of them."""
    return {
        variable: value for _, variables in SIMULATORS.values() for variable, value in variables(sandbox_url).items()
    }
