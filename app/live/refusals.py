"""Why a topic cannot be watched."""


class NoSuchTopic(Exception):
    """There is no such payment or order; `kind` says which of them was asked for."""

    def __init__(self, kind: str, entity_id: str) -> None:
        super().__init__(f"there is no {kind} {entity_id}")
        self.kind = kind


class PositionAhead(Exception):
    """The watcher claims to have more than there is; `head` is the revision, or the place, of the last event."""

    def __init__(self, after: int, head: int) -> None:
        super().__init__(f"position {after} is ahead of the last one, {head}")
        self.after = after
        self.head = head
