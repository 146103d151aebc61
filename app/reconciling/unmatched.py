"""What was kept for people, on the day that is reported: transfers and other notices that are nobody's. Pure."""

from collections.abc import Sequence

from app.providers.statements import Span
from app.reconciling.model import Difference, Kind
from app.webhooks.assigning import KeptTransfer, Progress
from app.webhooks.unmatched import Unmatched


def differences(notices: Sequence[Unmatched], transfers: Sequence[KeptTransfer], day: Span) -> list[Difference]:
    """What people have to do about what was kept."""
    of_day = [each for each in transfers if each.unmatched.notice.at in day]
    others = [each for each in notices if each.transfer is None and each.notice.at in day]
    return [*(found for each in of_day for found in _of_transfer(each)), *map(_of_notice, others)]


def _of_transfer(transfer: KeptTransfer) -> list[Difference]:
    reference, text = transfer.reference, transfer.unmatched.notice.evidence.get("text", "")
    match transfer.progress, transfer.unmatched.assigned:
        case Progress.UNASSIGNED, _:
            sentence = f"{transfer.money} arrived by bank transfer and name no payment: {text!r}"
            command = f"run `paygate transfers assign {reference} PAYMENT --by NAME`, or give it back at the bank"
            return [_difference(Kind.TRANSFER_UNASSIGNED, transfer, sentence, command)]
        case Progress.HALF_ASSIGNED, assigned if assigned is not None:
            sentence = f"{transfer.money} were assigned to {assigned.payment_id}, which does not know of it"
            command = f"run `paygate transfers assign {reference} {assigned.payment_id} --by {assigned.by}` again"
            return [_difference(Kind.TRANSFER_HALF_ASSIGNED, transfer, sentence, command)]
    return []


def _difference(kind: Kind, transfer: KeptTransfer, sentence: str, remedy: str) -> Difference:
    reader = transfer.unmatched.notice.reader
    return Difference(kind, transfer.reference, sentence, remedy, reader, transfer.reference)


def _of_notice(one: Unmatched) -> Difference:
    notice = one.notice
    sentence = f"{notice.reader} told of {notice.event_id}, which is about no payment of ours"
    remedy = "people have to look: is another system paid by the same account?"
    return Difference(Kind.NOTICE_UNMATCHED, notice.event_id, sentence, remedy, notice.reader, notice.event_id)
