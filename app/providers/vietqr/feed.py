"""What the readers of all bank feeds share: whose account it is, what is of interest, and how a feed is answered."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from app.providers.notices import Fault, Notice, NoticeRefused, NoticeReply, RawNotice, Reception
from app.providers.vietqr.movements import Movement, notice_of, vietnam_time

WINDOW = timedelta(minutes=5)
"""By how much a time stamp may differ from our time, to either side."""

_TIMESTAMP = re.compile(r"[0-9]{1,15}")
_STATUS_OF_FAULT = {"signature": 401, "stale": 401, "account": 403, "malformed": 400}


def _is_time(text: str) -> str:
    vietnam_time(text)
    return text


Text = Annotated[str, Field(max_length=1000)]
Name = Annotated[str, Field(min_length=1, max_length=100)]
Whole = Annotated[int, Field(strict=True)]
"""A number written as one: no text, no fraction, no exponent."""
BankTime = Annotated[str, AfterValidator(_is_time)]


class Read(BaseModel):
    """What is read of a feed's JSON; fields that are not named are left alone."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class CamelRead(Read):
    """Where its fields are in camel case."""

    model_config = ConfigDict(alias_generator=to_camel)


Model = TypeVar("Model", bound=BaseModel)


def parsed(model: type[Model], body: object) -> Model:
    """`body` as a model; raises `NoticeRefused` (malformed)."""
    try:
        return model.model_validate(body)
    except ValidationError:
        raise NoticeRefused("malformed") from None


def check_time(timestamp: str, per_second: int, now: datetime) -> None:
    """Raises `NoticeRefused` when a time stamp, counted from 1970, is none, too old or too far ahead."""
    if not _TIMESTAMP.fullmatch(timestamp):
        raise NoticeRefused("malformed")
    if abs(now.timestamp() - int(timestamp) / per_second) > WINDOW.total_seconds():
        raise NoticeRefused("stale")


@dataclass(frozen=True)
class FeedReader:
    """The notices of one feed about our `account`."""

    name: str
    account: str
    movements: Callable[[RawNotice], Sequence[Movement]]
    """Verifies a request and says what it tells of, or raises `NoticeRefused`."""
    code_of: Callable[[Movement], str | None] = attrgetter("code")
    """The transfer code by which a movement names its payment."""

    async def read(self, raw: RawNotice) -> Sequence[Notice]:
        """What has arrived in our account; what has left it is of no interest."""
        told = self.movements(raw)
        ours = [movement for movement in told if movement.account == self.account]
        if told and not ours:
            raise NoticeRefused("account")
        return [notice_of(movement, self.code_of(movement)) for movement in ours if movement.amount > 0]

    def reply(self, reception: Reception, fault: Fault | None = None) -> NoticeReply:
        """All of them want `{"success": true}`, and tell again what is answered otherwise."""
        if reception is Reception.REFUSED:
            return NoticeReply(_STATUS_OF_FAULT.get(fault or "", 400), b'{"success": false}')
        if reception is Reception.UNAVAILABLE:
            return NoticeReply(503, b'{"success": false}')
        return NoticeReply(200, b'{"success": true}')
