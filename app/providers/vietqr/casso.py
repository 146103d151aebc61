"""Casso's webhooks: version 2, signed, about one movement; and the older kind, with a shared token, about several."""

from collections.abc import Callable, Sequence

from pydantic import SecretStr

from app.providers.notices import NoticeRefused, RawNotice
from app.providers.strict_json import read_object
from app.providers.vietqr.feed import BankTime, CamelRead, Name, Read, Text, Whole, check_time, parsed
from app.providers.vietqr.movements import Movement, vietnam_time
from app.providers.vietqr.signature import casso_signatures, same, same_hexadecimal


class _Line(CamelRead):
    id: Whole
    reference: str | None = None
    description: Text
    amount: Whole
    transaction_date_time: BankTime
    account_number: Name


class _OlderLine(Read):
    id: Whole
    tid: str | None = None
    description: Text
    amount: Whole
    when: BankTime
    bank_sub_acc_id: Name


class _Webhook(Read):
    error: Whole
    data: _Line


class _OlderWebhook(Read):
    error: Whole
    data: list[_OlderLine]


def webhook(key: SecretStr | None, secure_token: SecretStr | None) -> Callable[[RawNotice], Sequence[Movement]]:
    """Reads Casso's webhooks, signed with `key` or with `secure_token` in their header, whichever there is."""

    def movements(raw: RawNotice) -> Sequence[Movement]:
        if key is not None and "x-casso-signature" in raw.headers:
            return _signed(raw, key.get_secret_value())
        if secure_token is None or not same(secure_token.get_secret_value(), raw.headers.get("secure-token", "")):
            raise NoticeRefused("signature")
        older = parsed(_OlderWebhook, read_object(raw.body))
        return [_older(line) for line in older.data] if older.error == 0 else []

    return movements


def _signed(raw: RawNotice, key: str) -> list[Movement]:
    # What is signed is the JSON written anew, so that it has to be read before it can be believed.
    body = read_object(raw.body)
    timestamp, given = _header(raw.headers["x-casso-signature"])
    if not any(same_hexadecimal(expected, given) for expected in casso_signatures(key, timestamp, body)):
        raise NoticeRefused("signature")
    check_time(timestamp, 1000, raw.received_at)
    told = parsed(_Webhook, body)
    return [_line(told.data)] if told.error == 0 else []


def _header(value: str) -> tuple[str, str]:
    parts = [part.strip().partition("=") for part in value.split(",")]
    match [(name, text) for name, _, text in parts]:
        case [("t", timestamp), ("v1", given)]:
            return timestamp, given
    raise NoticeRefused("signature")


def _line(line: _Line) -> Movement:
    reference = line.reference or f"casso {line.id}"
    return Movement(
        line.account_number, reference, line.amount, vietnam_time(line.transaction_date_time), line.description
    )


def _older(line: _OlderLine) -> Movement:
    reference = line.tid or f"casso {line.id}"
    return Movement(line.bank_sub_acc_id, reference, line.amount, vietnam_time(line.when), line.description)
