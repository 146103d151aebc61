"""Every metric there is. Labels never carry an id: there are as many of those as payments.

Where several gateway processes serve one port, whichever is asked answers for all: they keep their values in files of
one folder. A gauge says how theirs become one.
"""

import os
from pathlib import Path

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""Not a setting: the folder, set by the parent of several processes for them. The library reads it when imported."""

PAYMENTS_ACCEPTED = Counter("paygate_payments_accepted_total", "Payments accepted, not counting replays.")
PAYMENTS_REPLAYED = Counter("paygate_payments_replayed_total", "Payments asked for again with the same key.")
NOTICES = Counter("paygate_notices_total", "What providers sent, and what became of it.", ["reader", "outcome"])
DELIVERIES_TRIED = Counter(
    "paygate_deliveries_tried_total",
    "Attempts to tell somebody outside, by outcome.",
    ["channel", "outcome"],
)
TARGETS_SWITCHED_OFF = Counter(
    "paygate_targets_switched_off_total", "Targets that are called no more as they do not answer.", ["channel"]
)
CONNECTIONS = Gauge("paygate_live_connections", "Sockets and streams that are open.", multiprocess_mode="livesum")
WATCHERS = Gauge("paygate_live_watchers", "Subscriptions being served.", multiprocess_mode="livesum")
GAPS_HEALED = Counter("paygate_live_gaps_healed_total", "Holes in the live feed that were filled from the stream.")
FEED_LOSSES = Counter("paygate_live_feed_losses_total", "Times the Redis subscription was lost.")
RATE_LIMITED = Counter("paygate_rate_limited_total", "Operations of callers who ask too often.", ["work"])
RATES_LOCAL = Counter("paygate_rates_local_total", "Operations counted without Redis, which did not answer.")


def exposition() -> bytes:
    """All metrics as Prometheus reads them, of all processes that share the port."""
    if FOLDER_VARIABLE not in os.environ:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


def forget_process(pid: int, folder: Path) -> None:
    """One of several processes is gone: what it had open counts no more, what it counted still does."""
    mark_process_dead(pid, str(folder))  # type: ignore[no-untyped-call]
