"""Settings as the environment variables they are read from: how a child gets them."""

import json
import os
from typing import Any

from pydantic import SecretStr

from app.settings import Settings


def environment_with(settings: Settings) -> dict[str, str]:
    """Our own environment, with every setting that differs from its default as its `PAYGATE_…` variable."""
    prefix = settings.model_config["env_prefix"]
    values = {field: getattr(settings, field) for field in settings.model_fields_set}
    ours = {f"{prefix}{field}".upper(): _text(value) for field, value in values.items() if value is not None}
    # Settings are read whatever the case of their names, so a `paygate_port` would contradict ours.
    inherited = {name: value for name, value in os.environ.items() if name.upper() not in ours}
    # Lines are to be seen when they are written, not when a buffer is full.
    return inherited | ours | {"PYTHONUNBUFFERED": "1"}


def _text(value: Any) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, list | dict):
        return json.dumps(value)
    return str(value)
