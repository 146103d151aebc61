"""Everything that can go wrong, as types: first what a client did, then what keeps the server from starting."""

from pathlib import Path


class EventStoreError(Exception):
    """Any fault this package reports on purpose."""


class WrongExpectedVersion(EventStoreError):
    """The stream is not where the writer thought it was; another writer came first."""

    def __init__(self, stream: str, expected: int, actual: int) -> None:
        super().__init__(f"Stream {stream!r} is at {actual}, expected {expected}")
        self.stream = stream
        self.expected = expected
        self.actual = actual
        """Revision of the last event, -1 when there is none."""


class StreamDeleted(EventStoreError):
    """The stream was tombstoned, or is softly deleted where that makes a difference."""

    def __init__(self, stream: str) -> None:
        super().__init__(f"Event stream '{stream}' is deleted.")
        self.stream = stream


class InvalidArgument(EventStoreError):
    """The request makes no sense, whatever the state of the store."""


class HandlerFault(EventStoreError):
    """Input on which the real server's handler throws; clients see UNKNOWN without an explanation."""


class MissingMetadata(InvalidArgument):
    """An event came without its type or its content type."""

    def __init__(self, missing: str) -> None:
        super().__init__(f"Required Metadata Property '{missing}' is missing")


class AppendTooLarge(InvalidArgument):
    """The events of one append are together larger than the server takes."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"Maximum Append Size of {limit} Exceeded.")
        self.limit = limit


class EventTooLarge(InvalidArgument):
    """One event is larger than the server takes."""

    def __init__(self, event_id: str, size: int, limit: int) -> None:
        super().__init__(f"Event with Id: {event_id}, Size: {size}, exceeds Maximum Append Event Size of {limit}.")
        self.event_id = event_id
        self.size = size
        self.limit = limit


class ServerStopping(EventStoreError):
    """The server is shutting down; the client should connect again later."""

    def __init__(self) -> None:
        super().__init__("Server Is Not Ready")


class ServerTooBusy(EventStoreError):
    """More work is waiting than the server is willing to hold in memory."""

    def __init__(self) -> None:
        super().__init__("Server Is Too Busy")


class GroupError(EventStoreError):
    """Anything about a persistent subscription group; knows which group is meant."""

    reason = "failed"

    def __init__(self, stream: str, group: str) -> None:
        super().__init__(self.describe(stream, group))
        self.stream = stream
        self.group = group

    def describe(self, stream: str, group: str) -> str:
        """Return the sentence clients see; they recognise some faults by it."""
        return f"Subscription group {group} on stream {stream} {self.reason}."


class GroupNotFound(GroupError):
    """There is no such group."""

    reason = "does not exist"


class GroupExists(GroupError):
    """A group of this name is already there."""

    reason = "exists"


class GroupDropped(GroupError):
    """The group was updated or deleted while a consumer was connected."""

    reason = "was dropped"


class GroupFull(GroupError):
    """As many consumers are connected as the group's settings allow."""

    def describe(self, stream: str, group: str) -> str:
        """Return the sentence by which clients recognise this fault."""
        return f"Maximum subscriptions reached for subscription group {group} on stream {stream}."


class GroupFailed(GroupError):
    """What was asked of the group cannot be done, and why."""

    def __init__(self, stream: str, group: str, why: str) -> None:
        self.why = why
        super().__init__(stream, group)

    def describe(self, stream: str, group: str) -> str:
        """Return the sentence clients see."""
        return f"Subscription group {group} on stream {stream} failed: '{self.why}'"


class ProjectionNotFound(EventStoreError):
    """There is no projection of this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Projection '{name}' not found")


class ProjectionConflict(EventStoreError):
    """There is one of this name already."""

    def __init__(self) -> None:
        super().__init__("Envelope callback expected Updated, received Conflict instead")


class ProjectionRefused(EventStoreError):
    """The projection is not in a state in which this can be done to it."""

    def __init__(self) -> None:
        super().__init__("Envelope callback expected Updated, received OperationFailed instead")


class ProjectionCannotRun(EventStoreError):
    """The projection would have to be run, and cannot be."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"Projection '{name}' cannot be run: this server has no JavaScript engine. "
            "System projections run; for your own, use an EventStoreDB server."
        )


class StartError(EventStoreError):
    """The server cannot start; the message says what to do."""


class FolderInUse(StartError):
    """Another server holds the data folder."""

    def __init__(self, folder: Path, owner: str) -> None:
        super().__init__(
            f"The data folder {folder} is in use by another event store (process {owner or 'unknown'}). "
            "Stop that one, or give this one a folder of its own."
        )
        self.folder = folder


class FolderUnusable(StartError):
    """The data folder cannot be made or written to."""

    def __init__(self, folder: Path, why: str) -> None:
        super().__init__(f"The data folder {folder} cannot be used: {why}. Choose another, or mend its permissions.")
        self.folder = folder


class CorruptFile(StartError):
    """The database file is damaged, or is no event store."""

    def __init__(self, file: Path, why: str) -> None:
        super().__init__(
            f"The event store file {file} cannot be used: {why}. Nothing was changed. Restore it from a backup, "
            "or move the folder away to begin with an empty store."
        )
        self.file = file


class PortTaken(StartError):
    """Something else listens where the server should."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(
            f"Cannot listen on {host}:{port}: the port is taken, or the address is not of this machine. "
            "Stop what listens there, or choose another port."
        )
        self.host = host
        self.port = port


class CertificateUnusable(StartError):
    """The certificate or its key cannot be read."""

    def __init__(self, why: str) -> None:
        super().__init__(f"TLS needs a certificate and its key, two readable PEM files: {why}.")
