"""Documents parsed once, however often they come, and the operation in them that is meant."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from graphql import DocumentNode, OperationDefinitionNode, parse
from strawberry.extensions import SchemaExtension

from schema.cost import cost_of
from schema.errors import api_error

Kind = Literal["query", "mutation", "subscription"]

_REMEMBERED = 1_000


@dataclass(frozen=True, slots=True)
class DocumentLimits:
    """How much a document may ask for."""

    tokens: int = 1_000
    cost: int = 10_000
    """What `cost_of` may come to."""
    depth: int = 15
    """GraphiQL's introspection needs 13."""
    aliases: int = 15


DEFAULT_LIMITS = DocumentLimits()


@lru_cache(maxsize=_REMEMBERED)
def parsed(text: str, limits: DocumentLimits = DEFAULT_LIMITS) -> DocumentNode:
    """The document of a text; raises `GraphQLError` when it cannot be read, is too long or would cost too much."""
    document = parse(text, max_tokens=limits.tokens)
    cost, most = cost_of(document), limits.cost
    if cost > most:
        raise api_error(
            "QUERY_TOO_COMPLEX", f"the operation may cost {most} and would cost {cost}", most=most, cost=cost
        )
    return document


def chosen_kind(text: str | None, operation_name: str | None, limits: DocumentLimits = DEFAULT_LIMITS) -> Kind:
    """The kind of the operation to run. Raises `GraphQLError` when there is none or it is not clear which."""
    if not text:
        raise api_error("GRAPHQL_INVALID", "query: send a GraphQL document", field="query")
    operations = [node for node in parsed(text, limits).definitions if isinstance(node, OperationDefinitionNode)]
    named = [node for node in operations if node.name and node.name.value == operation_name]
    if operation_name is not None and not named:
        message = "operationName: the document has no operation of that name"
        raise api_error("GRAPHQL_INVALID", message, field="operationName")
    if operation_name is None and len(operations) != 1:
        message = "operationName: the document has several operations, or none; name one"
        raise api_error("GRAPHQL_INVALID", message, field="operationName")
    return (named or operations)[0].operation.value


class RememberedDocuments(SchemaExtension):
    """Gives Strawberry the parsed document, so that it does not parse it again."""

    def __init__(self, limits: DocumentLimits = DEFAULT_LIMITS) -> None:
        self._limits = limits

    def on_parse(self) -> Iterator[None]:
        """Before parsing: put the document in place."""
        text = self.execution_context.query
        if text:
            self.execution_context.graphql_document = parsed(text, self._limits)
        yield
