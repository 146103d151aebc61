"""The exported SDL is the schema, and the schema keeps the contract's names."""

import re

import pytest

from schema.export import SDL, sdl

CONTRACT = {
    "type Query": [
        "payment(id: ID!): Payment",
        "payments(first: Int = 20, after: String, status: [PaymentStatus!], orderId: ID): PaymentConnection!",
        "order(id: ID!): Order",
    ],
    "type Mutation": [
        "initiatePayment(input: InitiatePaymentInput!): InitiatePaymentResult!",
        "placeOrder(input: PlaceOrderInput!): PlaceOrderResult!",
        "capturePayment(input: CapturePaymentInput!): PaymentCommandResult!",
        "cancelPayment(input: CancelPaymentInput!): PaymentCommandResult!",
        "refundPayment(input: RefundPaymentInput!): PaymentCommandResult!",
    ],
    "type Subscription": [
        "paymentStatus(id: ID!, after: Int): Payment!",
        "orderStatus(id: ID!, after: Int): Order!",
        "merchantPayments(after: String, delivery: Delivery = ALL): PaymentUpdate!",
    ],
    "enum Delivery": ["ALL", "LATEST"],
    "type PaymentUpdate": ["payment: Payment!", "cursor: String!", "merged: Int!"],
    "input InitiatePaymentInput": [
        "idempotencyKey: String!", "amount: Int!", "currency: String!", "method: PaymentMethodInput!", "orderId: ID",
        "description: String", "returnUrl: String", "capture: CaptureMode = AUTOMATIC", "expiresIn: Int",
        "waitFor: WaitFor", "timeoutMs: Int", "metadata: JSON",
    ],
    "input PaymentMethodInput @oneOf": ["card: CardInput", "redirect: RedirectInput", "qr: QrInput"],
    "input CardInput": ['provider: String = "sandbox"', "token: String!"],
    "input RedirectInput": ["provider: String!"],
    "input QrInput": ["provider: String!"],
    "type Payment implements Node": [
        "id: ID!", "status: PaymentStatus!", "version: Int!", "previousVersion: Int", "amount: Money!",
        "refundedAmount: Money!", "method: PaymentMethod!", "provider: String!", "orderId: ID", "description: String",
        "action: PaymentAction", "failure: PaymentFailure", "history: [PaymentTransition!]!",
        "initiatedAt: DateTime!", "updatedAt: DateTime!", "expiresAt: DateTime",
    ],
    "type PaymentAccepted": ["payment: Payment!", "clientSecret: String!", "replayed: Boolean!"],
}  # fmt: skip


def test_the_exported_schema_is_not_stale() -> None:
    assert SDL.read_text("utf-8") == sdl(), "run `make schema`"


@pytest.mark.parametrize("definition", CONTRACT)
def test_the_schema_has_what_the_contract_names(definition: str) -> None:
    body = _body(definition)
    missing = [field for field in CONTRACT[definition] if field not in body]
    assert missing == []


def test_a_payment_is_begun_with_one_of_four_outcomes() -> None:
    union = "union InitiatePaymentResult = PaymentAccepted | InvalidInput | IdempotencyConflict | ProviderUnavailable"
    assert union in sdl()


def _body(definition: str) -> set[str]:
    found = re.search(re.escape(definition) + r" \{\n(.*?)\n\}", sdl(), re.DOTALL)
    assert found, f"there is no {definition}"
    without_docs = re.sub(r'"""(.*?)"""', "", found.group(1), flags=re.DOTALL)
    # "= null" is how no default at all may be written.
    flat = re.sub(r"\(\s*(.*?)\s*\)", _one_line, without_docs, flags=re.DOTALL).replace(" = null", "")
    return {line.strip() for line in flat.splitlines() if line.strip()}


def _one_line(arguments: re.Match[str]) -> str:
    return f"({', '.join(line.strip() for line in arguments.group(1).splitlines() if line.strip())})"
