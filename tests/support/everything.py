"""Imports what our processes run, for `tests.support.forked` to fork them from."""

import gc
from importlib import import_module

for name in (
    "app.cli",
    "app.laptop.eventstore.server",
    "app.laptop.sandbox.server",
    "app.web.app",
    "app.wiring.gateway",
    "schema.build",
):
    import_module(name)

# Nobody looks for garbage in it, which would copy its memory in every process that is forked.
gc.freeze()
