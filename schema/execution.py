"""Operation in, result bytes out: what every transport calls.

A result is encoded once here; transports only put their few bytes around it.
"""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from graphql import GraphQLError
from pydantic_core import to_json
from strawberry.types.execution import ExecutionResult, PreExecutionError

from app.access.rates import Work
from schema.build import PaymentSchema
from schema.context import Context
from schema.documents import Kind, chosen_kind
from schema.errors import api_error, translated
from schema.trusted import TrustedDocuments


@dataclass(frozen=True, slots=True)
class Answer:
    """One execution result.

    `executed` is false when GraphQL refused the operation before it began; then `body` has errors and no data.
    `failure` has the errors alone when the operation ends with them: refused, or a stream that cannot go on.
    `position` is where to resume after this value, None for what cannot be resumed.
    """

    body: bytes
    executed: bool = True
    failure: bytes | None = None
    position: int | str | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """What a client asks for, checked in shape by the transport."""

    query: str | None
    variables: Mapping[str, Any]
    operation_name: str | None = None
    extensions: Mapping[str, Any] = field(default_factory=dict, repr=False)
    document_id: str | None = None


class KindNotAllowed(Exception):
    """The operation is of a kind that this request may not carry, such as a mutation by GET."""

    def __init__(self, kind: Kind) -> None:
        super().__init__(f"a {kind} is not allowed here")
        self.kind = kind


class Executor:
    """Runs operations against the schema."""

    def __init__(self, schema: PaymentSchema, trusted: TrustedDocuments | None = None) -> None:
        self._schema = schema
        self._trusted = trusted or TrustedDocuments()

    async def admit(self, operation: Operation, context: Context) -> None:
        """Count the operation among its caller's; raises `RateLimited`. Transports call it before anything else.

        What cannot be run is counted as reading: refusing it is work too.
        """
        try:
            kind = self._kind(self._document(operation), operation)
        except GraphQLError:
            kind = "query"
        work = Work.MUTATION if kind == "mutation" else Work.READ
        await context.services.rates.admit(context.caller, work)

    async def run(self, operation: Operation, context: Context, *, mutations: bool = True) -> Answer:
        """The one result of a query or mutation. Raises `KindNotAllowed` and `DocumentRefused`."""
        document = self._document(operation)
        try:
            kind = self._kind(document, operation)
        except GraphQLError as error:
            return refused(error)
        if kind == "subscription" or (kind == "mutation" and not mutations):
            raise KindNotAllowed(kind)
        result = await self._schema.execute(
            document,
            variable_values=dict(operation.variables),
            context_value=context,
            operation_name=operation.operation_name,
        )
        return _answer(result, None)

    async def stream(
        self, operation: Operation, context: Context, *, mutations: bool = True
    ) -> AsyncGenerator[Answer, None]:
        """The results of an operation of any kind, until it is complete."""
        try:
            document = self._document(operation)
            kind = self._kind(document, operation)
            if kind == "mutation" and not mutations:
                raise api_error("METHOD_NOT_ALLOWED", "a mutation is sent by POST")
        except GraphQLError as error:
            yield refused(error)
            return
        results: Any = await self._schema.stream(
            document,
            variable_values=dict(operation.variables),
            context_value=context,
            operation_name=operation.operation_name,
        )
        async with aclosing(results):
            async for result in results:
                # Source and execution take turns, so the position is that of this very result.
                yield _answer(result, context.position)

    def _kind(self, document: str | None, operation: Operation) -> Kind:
        return chosen_kind(document, operation.operation_name, self._schema.limits)

    def _document(self, operation: Operation) -> str | None:
        return self._trusted.document(operation.query, operation.extensions, operation.document_id)


def refused(error: GraphQLError) -> Answer:
    """The answer to an operation that is not begun."""
    errors = [translated(error).formatted]
    return Answer(to_json({"errors": errors}), executed=False, failure=to_json(errors))


def _answer(result: ExecutionResult, position: int | str | None) -> Answer:
    body: dict[str, Any] = {}
    # Whatever the transport, no error leaves but in the form a client may see.
    errors = [translated(error).formatted for error in result.errors or ()]
    if errors:
        body["errors"] = errors
    # Variables that do not fit are found out later than the rest, but nothing has been executed then either.
    begun = result.data is not None or not errors or any("path" in error for error in errors)
    executed = begun and not isinstance(result, PreExecutionError)
    if executed:
        body["data"] = result.data
    extensions = dict(result.extensions or {})
    if position is not None and result.data is not None:
        extensions["position"] = position
    if extensions:
        body["extensions"] = extensions
    failure = to_json(errors) if errors and result.data is None else None
    return Answer(to_json(body), executed, failure, position)
