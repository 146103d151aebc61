"""A provider's answer, parsed; what it means is for that provider's `translate` to say."""

from dataclasses import dataclass

from pydantic import JsonValue


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP status and the JSON object that came with it."""

    status: int
    body: dict[str, JsonValue]

    @property
    def positive(self) -> bool:
        """Whether the provider did what it was asked."""
        return 200 <= self.status < 300
