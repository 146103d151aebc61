"""MoMo, simulated: its API v2 for one-time payments, its page, its IPN."""

from app.laptop.sandbox.momo.simulator import environment, make

__all__ = ["environment", "make"]
