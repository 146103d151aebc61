"""(command, state) -> events. `[]` when it is already so; a `Refusal` when it may not be."""

from typing import assert_never

from app.domain.delivery import events as happened
from app.domain.delivery.events import DeliveryEvent
from app.domain.delivery.model import (
    Address,
    Change,
    DeliveryCommand,
    DeliveryState,
    GiveUpAll,
    NothingOwed,
    Owe,
    Owing,
    RecordFailure,
    RecordMade,
    RequestDelivery,
)
from app.domain.ids import message_id_for
from app.domain.refusals import NoSuchMessage


def decide(command: DeliveryCommand, state: DeliveryState) -> list[DeliveryEvent]:
    """What `command` changes in `state`; raises `NoSuchMessage`."""
    if isinstance(command, Owe):
        return _owe(command, state)
    match command:
        case RequestDelivery():
            return _request(command, state)
        case RecordMade() | RecordFailure():
            return _record(command, state)
        case GiveUpAll():
            return _give_up(command, state)
    assert_never(command)


def _owe(command: Owe, state: DeliveryState) -> list[DeliveryEvent]:
    # Events of the payment may be met in any order: whoever meets a later one owes the earlier ones with it.
    last = max(state.messages, default=-1) if isinstance(state, Owing) else -1
    changes = sorted((change for change in command.changes if change.version > last), key=lambda change: change.version)
    return [_owed(command.address, change, command) for change in changes]


def _owed(address: Address, change: Change, command: Owe) -> happened.DeliveryOwed:
    return happened.DeliveryOwed(
        message_id=message_id_for(address.target_id, address.subject, change.version),
        version=change.version,
        type=change.type,
        occurred_at=change.occurred_at,
        merchant_id=address.merchant_id,
        channel=address.channel,
        target_id=address.target_id,
        subject_kind=address.subject_kind,
        subject=address.subject,
        at=command.at,
    )


def _request(command: RequestDelivery, state: DeliveryState) -> list[DeliveryEvent]:
    if isinstance(state, NothingOwed) or command.version not in state.messages:
        raise NoSuchMessage("there is no such delivery")
    message = state.messages[command.version]
    if command.request_id in message.requests:
        return []
    return [
        happened.DeliveryRequested(
            message_id=message.message_id, version=command.version, request_id=command.request_id, at=command.at
        )
    ]


def _record(command: RecordMade | RecordFailure, state: DeliveryState) -> list[DeliveryEvent]:
    if isinstance(state, NothingOwed) or command.version not in state.waiting:
        # Somebody else was told the same, sooner: it is recorded once.
        return []
    message = state.messages[command.version]
    about = {"message_id": message.message_id, "version": command.version, "at": command.at}
    if isinstance(command, RecordMade):
        return [happened.DeliveryMade(**about, attempt=message.attempts + 1, detail=command.detail)]
    if command.attempt != message.attempts + 1:
        return []
    failed = happened.DeliveryFailed(
        **about, attempt=command.attempt, reason=command.reason, next_attempt_at=command.next_attempt_at
    )
    if command.next_attempt_at is not None:
        return [failed]
    return [failed, happened.DeliveryGivenUp(**about, reason=f"no attempt is left after {command.attempt}")]


def _give_up(command: GiveUpAll, state: DeliveryState) -> list[DeliveryEvent]:
    if isinstance(state, NothingOwed):
        return []
    return [
        happened.DeliveryGivenUp(
            message_id=state.messages[version].message_id, version=version, reason=command.reason, at=command.at
        )
        for version in state.waiting
    ]
