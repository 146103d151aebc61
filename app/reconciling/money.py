"""A payment's own record of its money beside the provider's: what differs. Pure.

Of our own record, what happened on the day in question has to be found there. Of the provider's, everything has to be
found here, whenever we heard of it.
"""

from collections.abc import Sequence

from app.providers.notices import PaymentNamed, TransferNamed
from app.providers.statements import Movement, MovementKind, Span
from app.reconciling.accounts import Account, Flow
from app.reconciling.model import Difference, Kind

PEOPLE = "people have to look"
_NO_PAYMENT = {
    MovementKind.CHARGE: (Kind.CHARGE_WITHOUT_PAYMENT, "took"),
    MovementKind.REFUND: (Kind.REFUND_WITHOUT_PAYMENT, "gave back"),
    MovementKind.HOLD: (Kind.HOLD_WITHOUT_PAYMENT, "holds"),
}


def differences(account: Account, movements: Sequence[Movement], day: Span) -> list[Difference]:
    """What differs between a payment and what its provider has under its name."""
    by_kind = {kind: [each for each in movements if each.kind is kind] for kind in MovementKind}
    return [
        *_charges(account, by_kind[MovementKind.CHARGE], day),
        *_refunds(account, by_kind[MovementKind.REFUND], day),
        *_holds(account, by_kind[MovementKind.HOLD]),
    ]


def without_captured_holds(movements: Sequence[Movement]) -> list[Movement]:
    """A hold that was taken is told of by its charge."""
    taken = {each.reference for each in movements if each.kind is MovementKind.CHARGE}
    return [each for each in movements if each.kind is not MovementKind.HOLD or each.reference not in taken]


def without_payment(provider: str, movement: Movement) -> Difference:
    """Money at a provider that belongs to no payment of ours."""
    kind, verb = _NO_PAYMENT[movement.kind]
    remedy = f"{PEOPLE}: whose money is {movement.reference}? Give it back at {provider} if it is nobody's"
    if movement.reader:
        remedy = f"run `paygate transfers find`, then `paygate transfers assign {movement.reference} PAYMENT --by NAME`"
    return Difference(
        kind,
        movement.reference,
        f"{provider} {verb} {movement.money}, {_named(movement)}",
        remedy,
        provider,
        movement.reference,
    )


def unfound(account: Account, movements: Sequence[Movement], day: Span) -> tuple[list[Flow], list[Flow]]:
    """The charges and the refunds of the day that are not among `movements`, by their references."""
    there = {(each.kind, each.reference) for each in movements}
    charges = [
        flow for flow in account.charges if flow.at in day and (MovementKind.CHARGE, flow.reference) not in there
    ]
    refunds = [
        flow for flow in account.refunds if flow.at in day and (MovementKind.REFUND, flow.reference) not in there
    ]
    return charges, refunds


def _charges(account: Account, there: Sequence[Movement], day: Span) -> list[Difference]:
    known = {flow.reference: flow for flow in account.charges}
    unknown = {each.reference: each for each in there if each.reference not in known}
    missing, _ = unfound(account, there, day)
    found = [
        _difference(
            account,
            Kind.CHARGE_NOT_THERE,
            flow.reference,
            f"{flow.money} were taken, and {account.provider} has no such charge",
            f"{PEOPLE}: compare {flow.reference} in {account.provider}'s dashboard, and with what it pays out",
        )
        for flow in missing
    ]
    found += _of_other_amounts(account, Kind.CHARGE_DIFFERS, known, there)
    if account.by_transfer or (len(unknown) == 1 and not known):
        return [*found, *(_not_recorded(account, movement) for movement in unknown.values())]
    if unknown:
        references = ", ".join([*known, *unknown])
        found.append(
            _difference(
                account,
                Kind.CHARGED_TWICE,
                ", ".join(unknown),
                f"{account.provider} took money {len(known) + len(unknown)} times: {references}",
                f"{PEOPLE}: at most one may stand; give the others back at {account.provider}",
            )
        )
    return found


def _not_recorded(account: Account, movement: Movement) -> Difference:
    return _difference(
        account,
        Kind.CHARGE_NOT_RECORDED,
        movement.reference,
        f"{account.provider} took {movement.money}, and the payment, {account.status}, does not know of it",
        _asking(account),
    )


def _refunds(account: Account, there: Sequence[Movement], day: Span) -> list[Difference]:
    known = {flow.reference: flow for flow in account.refunds}
    _, missing = unfound(account, there, day)
    found = [
        _difference(
            account,
            Kind.REFUND_NOT_THERE,
            flow.reference,
            f"{flow.money} were given back, and {account.provider} has no such refund",
            f"{PEOPLE}: look for {flow.reference} in {account.provider}'s dashboard; has the customer the money?",
        )
        for flow in missing
    ]
    found += _of_other_amounts(account, Kind.REFUND_DIFFERS, known, there)
    by_hand = f"{PEOPLE}: was it made in {account.provider}'s dashboard? paygate counts its own refunds only"
    found += [
        _difference(
            account,
            Kind.REFUND_NOT_RECORDED,
            each.reference,
            f"{account.provider} gave back {each.money}, and the payment does not know of it",
            _asking(account) if account.refunding else by_hand,
        )
        for each in there
        if each.reference not in known
    ]
    return found


def _holds(account: Account, there: Sequence[Movement]) -> list[Difference]:
    if account.held or account.charges:
        return []
    return [
        _difference(
            account,
            Kind.HOLD_NOT_RECORDED,
            each.reference,
            f"{account.provider} holds {each.money}, and the payment, {account.status}, does not know of it",
            _asking(account),
        )
        for each in there
    ]


def _of_other_amounts(
    account: Account, kind: Kind, known: dict[str, Flow], there: Sequence[Movement]
) -> list[Difference]:
    return [
        _difference(
            account,
            kind,
            each.reference,
            f"{known[each.reference].money} stand here, {each.money} at {account.provider}",
            f"{PEOPLE}: compare {each.reference} in {account.provider}'s dashboard",
        )
        for each in there
        if each.reference in known and known[each.reference].money != each.money
    ]


def _asking(account: Account) -> str:
    return f"run `paygate reconcile --payment {account.payment_id}`; if it stays, {PEOPLE}"


def _difference(account: Account, kind: Kind, reference: str, sentence: str, remedy: str) -> Difference:
    return Difference(kind, account.payment_id, sentence, remedy, account.provider, reference)


def _named(movement: Movement) -> str:
    match movement.about:
        case PaymentNamed(payment_id):
            return f"for {payment_id!r}, which is no payment of ours there"
        case TransferNamed(code):
            return f"for the code {code}, which is no payment's"
    return "and names no payment"
