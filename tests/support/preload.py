"""Imports what our processes run, for `tests.support.forked` to fork them from."""

import gc
from importlib import import_module

from app.connections import usual_certificates

for name in (
    "app.operating",
    "app.laptop.eventstore.server",
    "app.laptop.sandbox.server",
    "app.laptop.stack",
    "app.web.server",
    "app.wiring.gateway",
    "app.wiring.notifying",
    "app.wiring.projecting",
    "app.wiring.reporting",
    "schema.build",
):
    import_module(name)

# Loaded once for all of them too: it takes longer than most of them live.
usual_certificates()

# Nobody looks for garbage in it, which would copy its memory in every process that is forked.
gc.freeze()
