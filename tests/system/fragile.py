"""What the stack whose parts may be killed is started with."""

import json
from collections.abc import Mapping

KEPT = 30
"""Changes of each merchant: few, so that a cursor is soon too old."""
MERCHANTS: Mapping[str, str] = {f"sk_merchant{number}": f"merchant{number}" for number in range(40)}
"""By API key; whoever comes without a key is `demo`."""
SETTINGS: Mapping[str, str] = {"PAYGATE_API_KEYS": json.dumps(MERCHANTS), "PAYGATE_FEED_LENGTH": str(KEPT)}
