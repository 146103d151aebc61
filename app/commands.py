"""What every command begins and ends with: its settings, and a complaint in one line."""

from collections.abc import Coroutine
from typing import Any, NoReturn, TextIO, TypeVar

import typer

from app.limits import Limits, load_limits
from app.observability.log import configure_logging
from app.running import run_to_end
from app.settings import Settings, SettingsError, load_settings

T = TypeVar("T")


def settings_or_exit(*, log_to: TextIO | None = None, **overrides: Any) -> Settings:
    """The settings of this process, and logging as they want it; exits when one is wrong.

    A process logs to standard output; a command whose output is its answer logs elsewhere, to `log_to`.
    """
    try:
        settings = load_settings(**overrides)
    except SettingsError as fault:
        fail(str(fault))
    configure_logging(settings.log_format, settings.log_level, log_to)
    return settings


def limits_or_exit() -> Limits:
    """The limits of a gateway; exits when one is wrong."""
    try:
        return load_limits()
    except SettingsError as fault:
        fail(str(fault))


def fail(message: str) -> NoReturn:
    """Complain, and exit with status 2."""
    typer.echo(message, err=True)
    raise typer.Exit(2)


def outcome_or_exit(work: Coroutine[Any, Any, T]) -> T:
    """What `work` comes to; exits when the event store or Redis does not answer, or a setting is wrong."""
    from app.eventstore.codec import UnreadableEvent
    from app.eventstore.port import EventStoreError
    from app.redisio import RedisError

    faults: list[Exception] = []
    try:
        return run_to_end(work)
    except* (SettingsError, EventStoreError, UnreadableEvent, RedisError) as group:
        faults += group.exceptions
    fault = faults[0]
    while isinstance(fault, ExceptionGroup):
        fault = fault.exceptions[0]
    fail(str(fault) or type(fault).__name__)
