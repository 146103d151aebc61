"""ZaloPay, simulated: its API v2, its page, its callback."""

from app.laptop.sandbox.zalopay.simulator import environment, make

__all__ = ["environment", "make"]
