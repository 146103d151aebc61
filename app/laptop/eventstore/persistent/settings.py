"""What is asked of a group when it is made or changed, and how it is written down."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal, Self

from app.laptop.eventstore import names
from app.laptop.eventstore.filters import EventFilter, make_filter

DISPATCH_TO_SINGLE: Final = "DispatchToSingle"
ROUND_ROBIN: Final = "RoundRobin"
PINNED: Final = "Pinned"
PINNED_BY_CORRELATION: Final = "PinnedByCorrelation"
STRATEGIES: Final = (DISPATCH_TO_SINGLE, ROUND_ROBIN, PINNED, PINNED_BY_CORRELATION)

START_AT_END: Final = -1


@dataclass(frozen=True, slots=True)
class GroupKey:
    """Which group: its source, a stream or ``$all``, and its name."""

    stream: str
    group: str

    @property
    def title(self) -> str:
        """What clients take for the id of a subscription."""
        return f"{self.stream}::{self.group}"

    @property
    def reads_all(self) -> bool:
        """Whether the source is ``$all``."""
        return self.stream == names.ALL


@dataclass(frozen=True, slots=True)
class FilterSettings:
    """A filter in a form that can be written down."""

    on: Literal["stream", "type"]
    pattern: str = ""
    prefixes: tuple[str, ...] = ()

    def compiled(self) -> EventFilter:
        """Return the filter to be used. Raises InvalidArgument for a broken pattern."""
        return make_filter(self.on, self.pattern, self.prefixes)


@dataclass(frozen=True, slots=True)
class GroupSettings:
    """Everything that can be chosen about a group; the defaults are those of the real server."""

    start_from: int = START_AT_END
    """Revision, or position for ``$all``, of the first event; -1 for the end at the time of creation."""
    resolve_links: bool = False
    extra_statistics: bool = False
    message_timeout_ms: int = 30_000
    max_retry_count: int = 10
    live_buffer_size: int = 500
    history_buffer_size: int = 500
    read_batch_size: int = 20
    checkpoint_after_ms: int = 2_000
    """0 for never by time."""
    min_checkpoint_count: int = 10
    max_checkpoint_count: int = 1_000
    max_subscriber_count: int = 0
    """0 for any number."""
    strategy: str = ROUND_ROBIN
    filter: FilterSettings | None = None

    def fault(self) -> str | None:
        """Return what is wrong with these settings, if anything is."""
        if self.strategy not in STRATEGIES:
            return f"Consumer strategy {self.strategy} does not exist."
        if self.read_batch_size >= self.history_buffer_size:
            return (
                f"Read batch size {self.read_batch_size} may not be greater than or equal to BufferSize "
                f"{self.history_buffer_size}"
            )
        for name in ("read_batch_size", "live_buffer_size", "history_buffer_size"):
            if getattr(self, name) <= 0:
                return f"{name} should be positive."
        counts = ("message_timeout_ms", "max_retry_count", "checkpoint_after_ms", "max_subscriber_count")
        for name in (*counts, "min_checkpoint_count", "max_checkpoint_count"):
            if getattr(self, name) < 0:
                return f"{name} should be non negative."
        return None


@dataclass(frozen=True, slots=True)
class GroupConfiguration:
    """One group as it is kept in the stream of all groups' configurations."""

    key: GroupKey
    settings: GroupSettings
    begin_after: int
    """Where a group without a checkpoint begins: after this revision or position. The end of the source, for one
    who asked for that, is fixed when the group is made, or what comes before the first checkpoint would be lost."""
    updated_by: str = field(default="")

    def to_json(self) -> dict[str, Any]:
        """Return the form in which it is written down."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read what ``to_json`` wrote."""
        settings = dict(value["settings"])
        chosen = settings.pop("filter")
        if chosen is not None:
            chosen = FilterSettings(chosen["on"], chosen["pattern"], tuple(chosen["prefixes"]))
        return cls(
            GroupKey(**value["key"]),
            GroupSettings(**settings, filter=chosen),
            value["begin_after"],
            value["updated_by"],
        )


def format_place(key: GroupKey, place: int) -> str:
    """Write a revision or position the way clients read it in a group's information."""
    return f"C:{place}/P:{place}" if key.reads_all else str(place)


def parse_place(text: str) -> int | None:
    """Read what ``format_place`` wrote; None when it is something else."""
    number = text.removeprefix("C:").partition("/")[0]
    try:
        return int(number)
    except ValueError:
        return None
