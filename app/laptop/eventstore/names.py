"""How streams and event types are named, and what a name says about a stream."""

from typing import Final

ALL: Final = "$all"

LINK_TYPE: Final = "$>"
STREAM_REFERENCE_TYPE: Final = "$@"
METADATA_TYPE: Final = "$metadata"
TOMBSTONE_TYPE: Final = "$streamDeleted"
CHECKPOINT_TYPE: Final = "$SubscriptionCheckpoint"
GROUPS_TYPE: Final = "$PersistentConfig"

GROUPS_STREAM: Final = "$persistentSubscriptionConfig"
EPOCHS_STREAM: Final = "$epoch-information"
FIRST_STREAM: Final = "$$$scavenges"
"""Holds the first event of every database: a real one is never empty."""

_GROUP_PREFIX: Final = "$persistentsubscription-"
_HIDDEN_GROUP_PREFIX: Final = f"{_GROUP_PREFIX}{ALL}::"
_HIDDEN_GROUP_SUFFIXES: Final = ("-checkpoint", "-parked")


def is_valid_stream(name: str) -> bool:
    """Tell whether a stream may have this name."""
    return name not in {"", "$$"}


def is_system_stream(name: str) -> bool:
    """Tell whether the stream is the server's own, metadata streams included."""
    return name.startswith("$")


def is_metadata_stream(name: str) -> bool:
    """Tell whether the stream holds the metadata of another."""
    return name.startswith("$$")


def metadata_stream(name: str) -> str:
    """Return the name of the stream that holds the metadata of ``name``."""
    return f"$${name}"


def described_stream(name: str) -> str:
    """Return the name of the stream whose metadata ``name`` holds."""
    return name[2:]


def category(stream: str) -> str | None:
    """Return what stands before the first ``-``, or None when the stream belongs to no category."""
    head, dash, _ = stream.partition("-")
    return head if dash and head and not is_system_stream(stream) else None


def group_stream(stream: str, group: str) -> str:
    """Return the name under which a persistent subscription group keeps its own streams."""
    return f"{_GROUP_PREFIX}{stream}::{group}"


def checkpoint_stream(stream: str, group: str) -> str:
    """Return the name of the stream with a group's checkpoints."""
    return f"{group_stream(stream, group)}-checkpoint"


def parked_stream(stream: str, group: str) -> str:
    """Return the name of the stream with a group's parked messages."""
    return f"{group_stream(stream, group)}-parked"


def is_hidden_from_all(stream: str) -> bool:
    """Tell whether the events of this stream never show in ``$all``.

    The streams of groups that read ``$all`` must not, or a group would feed itself for ever.
    """
    return stream == EPOCHS_STREAM or (
        stream.startswith(_HIDDEN_GROUP_PREFIX) and stream.endswith(_HIDDEN_GROUP_SUFFIXES)
    )


def link_data(revision: int, stream: str) -> bytes:
    """Return the data of a link to one event."""
    return f"{revision}@{stream}".encode()


def parse_link(data: bytes) -> tuple[int, str] | None:
    """Return the revision and the stream a link points at; None when the data is no link.

    Split at the first ``@``: a stream's name may contain more of them.
    """
    number, at, stream = data.partition(b"@")
    if not at or not number.isdigit():
        return None
    try:
        return int(number), stream.decode()
    except UnicodeDecodeError:
        return None
