"""Every metric there is. Labels never carry an id: there are as many of those as payments."""

from prometheus_client import Counter, Gauge

PAYMENTS_ACCEPTED = Counter("paygate_payments_accepted_total", "Payments accepted, not counting replays.")
PAYMENTS_REPLAYED = Counter("paygate_payments_replayed_total", "Payments asked for again with the same key.")
NOTICES = Counter("paygate_notices_total", "What providers sent, and what became of it.", ["reader", "outcome"])
CONNECTIONS = Gauge("paygate_live_connections", "Sockets and streams that are open.")
WATCHERS = Gauge("paygate_live_watchers", "Subscriptions being served.")
GAPS_HEALED = Counter("paygate_live_gaps_healed_total", "Holes in the live feed that were filled from the stream.")
FEED_LOSSES = Counter("paygate_live_feed_losses_total", "Times the Redis subscription was lost.")
