"""Imports what our processes run, for `tests.support.forked` to fork them from."""

import gc
from importlib import import_module

for name in (
    "app.operating",
    "app.laptop.eventstore.server",
    "app.laptop.sandbox.server",
    "app.web.server",
    "app.wiring.gateway",
    "app.wiring.reporting",
    "schema.build",
):
    import_module(name)

# Nobody looks for garbage in it, which would copy its memory in every process that is forked.
gc.freeze()
