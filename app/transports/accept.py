"""Which of the media types on offer a client wants: RFC 9110 §12.5.1.

What cannot be read in an `Accept` is passed over, as if it were a type nobody knows.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
# The header is the client's to choose, so what is repeated is possessive: no text costs more than one pass. A string
# that is never closed reaches to the end, where it is no parameter's value.
_CHARACTERS = r'(?:[^"\\]|\\.)*+'
_STRING = rf'"{_CHARACTERS}"'
_ELEMENT = re.compile(rf'(?:[^,"]|"{_CHARACTERS}(?:"|\\?\Z))++', re.DOTALL)
_RANGE = re.compile(rf"\s*+({_NAME})/({_NAME})\s*+(?=;|\Z)")
_PARAMETER = re.compile(rf"\s*+;\s*+(?:({_NAME})=({_NAME}|{_STRING}))?\s*+(?=;|\Z)", re.DOTALL)
_QUALITY = re.compile(r"0(\.\d{0,3})?|1(\.0{0,3})?")
_UTF_8 = ("utf-8", "utf8")


@dataclass(frozen=True, slots=True)
class MediaRange:
    """One element of an `Accept`, names in lower case."""

    type: str
    subtype: str
    parameters: Mapping[str, str]
    quality: float

    @property
    def specificity(self) -> tuple[bool, bool, int]:
        """The more exactly a range names a type, the more its quality says of it."""
        return self.type != "*", self.subtype != "*", len(self.parameters)

    def covers(self, offered: "MediaRange") -> bool:
        """Whether `offered` is one of the types meant."""
        return (
            self.type in ("*", offered.type)
            and self.subtype in ("*", offered.subtype)
            and all(_granted(name, value, offered) for name, value in self.parameters.items())
        )


def _granted(name: str, value: str, offered: MediaRange) -> bool:
    if name == "charset" and name not in offered.parameters:
        # All of this gateway's text is UTF-8, whether its media type says so or not.
        return value.lower() in _UTF_8
    return offered.parameters.get(name) == value


def media_ranges(accept: str) -> list[MediaRange]:
    """The readable elements of an `Accept`, in its order. Commas within quotes separate nothing."""
    return [media_range for element in _ELEMENT.findall(accept) if (media_range := _media_range(element))]


def _media_range(element: str) -> MediaRange | None:
    head = _RANGE.match(element)
    if head is None or (head[1] == "*" and head[2] != "*"):
        return None
    parameters = dict(_parameters(element, head.end()))
    quality = parameters.pop("q", "1")
    if "" in parameters or not _QUALITY.fullmatch(quality):
        return None
    return MediaRange(head[1].lower(), head[2].lower(), parameters, float(quality))


def _parameters(element: str, position: int) -> Iterator[tuple[str, str]]:
    """Name and value of each; an empty name stands for what cannot be read."""
    while position < len(element):
        parameter = _PARAMETER.match(element, position)
        if parameter is None:
            yield "", ""
            return
        if parameter[1] is not None:
            yield parameter[1].lower(), _unquoted(parameter[2])
        position = parameter.end()


def _unquoted(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value


def best(accept: str | None, offered: Sequence[str]) -> str | None:
    """The one of `offered` that the client likes best, the earlier one of equals; None when it takes none of them.

    No `Accept`, or an empty one, takes anything.
    """
    if accept is None or not accept.strip():
        return offered[0] if offered else None
    ranges = media_ranges(accept)
    liked = [(_quality(each, ranges), each) for each in offered]
    quality, choice = max(liked, key=lambda pair: pair[0], default=(0.0, None))
    return choice if quality > 0 else None


# Only what this gateway offers is kept: what clients ask for has no end.
_offered = cache(_media_range)


def _quality(offered: str, ranges: Sequence[MediaRange]) -> float:
    media_type = _offered(offered)
    covering = [each for each in ranges if media_type is not None and each.covers(media_type)]
    return max(covering, key=lambda each: each.specificity).quality if covering else 0.0
