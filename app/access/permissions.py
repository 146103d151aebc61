"""What a caller may do. Whoever may not see a payment must not learn that it exists."""

from typing import TypeGuard

from app.access.model import Caller, MerchantCaller, Scope, Watcher
from app.domain.ids import MerchantId, OrderId, PaymentId


def can_see(caller: Caller, subject_id: PaymentId | OrderId, merchant_id: MerchantId) -> bool:
    """Whether the caller may read and watch this payment or order of this merchant.

    That whoever watches an order may see its payments too, only the order can tell.
    """
    match caller:
        case Watcher():
            return caller.subject_id == subject_id
        case MerchantCaller():
            return caller.merchant_id == merchant_id and Scope.READ in caller.scopes


def can_list(caller: Caller) -> TypeGuard[MerchantCaller]:
    """Whether the caller may read whatever its merchant has: lists, orders, the feed of all payments."""
    return isinstance(caller, MerchantCaller) and Scope.READ in caller.scopes


def can_act(caller: Caller) -> TypeGuard[MerchantCaller]:
    """Whether the caller may change anything."""
    return isinstance(caller, MerchantCaller) and Scope.WRITE in caller.scopes


def can_have_told(caller: Caller, subject_id: PaymentId | OrderId, merchant_id: MerchantId) -> bool:
    """Whether the caller may have somebody told of this payment or order of this merchant."""
    return can_see(caller, subject_id, merchant_id) and (isinstance(caller, Watcher) or can_act(caller))


def can_continue(before: Caller, after: Caller) -> bool:
    """Whether a connection may go on under a newer credential: for the same merchant or subject, with no less."""
    match before, after:
        case Watcher(), Watcher():
            return before.subject_id == after.subject_id
        case MerchantCaller(), MerchantCaller():
            return before.merchant_id == after.merchant_id and before.scopes <= after.scopes
        case _:
            return False
