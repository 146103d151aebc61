"""The schema, put together."""

from typing import Any

import strawberry
from graphql import DocumentNode, GraphQLError, specified_rules
from graphql import Executor as GraphQLExecutor
from strawberry.extensions import (
    AddValidationRules,
    DisableIntrospection,
    MaxAliasesLimiter,
    QueryDepthLimiter,
    ValidationCache,
)
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext, validate_document
from strawberry.types import ExecutionContext

from schema.documents import DEFAULT_LIMITS, DocumentLimits, RememberedDocuments
from schema.mutation import Mutation
from schema.query import Query
from schema.subscription import Subscription

_REMEMBERED = 1_000


class PerEventMemory(StrawberryGraphQLCoreExecutionContext):
    """Forgets with each value of a subscription what was worked out for it.

    graphql-core 3.3 shares the memo of selected fields, whose keys never occur again, among all values of a
    subscription: one that lasts would grow with every value it delivers.
    """

    def build_per_event_executor(self, payload: Any) -> GraphQLExecutor[Any]:
        """The executor of one value."""
        executor = super().build_per_event_executor(payload)
        executor._relevant_sub_fields = {}  # noqa: SLF001 — there is no other way to it
        return executor


class PaymentSchema(strawberry.Schema):
    """Errors are logged where they are translated, not with the text of the operation around them."""

    limits: DocumentLimits = DEFAULT_LIMITS
    """How much a document may ask for."""

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Do nothing: see the class."""

    def faults_of(self, document: DocumentNode) -> list[GraphQLError]:
        """What is wrong with a document, by the same rules as when it is executed."""
        limiters = [each for each in self.get_extensions() if isinstance(each, AddValidationRules)]
        added = [rule for limiter in limiters for rule in limiter.validation_rules]
        return validate_document(self._schema, document, (*specified_rules, *added))


def build_schema(*, introspection: bool = True, limits: DocumentLimits = DEFAULT_LIMITS) -> PaymentSchema:
    """The executable schema; without `introspection` it tells nobody what it has, not even by suggesting names."""
    # Made once: a document counts as validated by the very rules, and each limiter makes a rule of its own.
    rules = [
        *QueryDepthLimiter(max_depth=limits.depth).validation_rules,
        *MaxAliasesLimiter(max_alias_count=limits.aliases).validation_rules,
    ]
    schema = PaymentSchema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        execution_context_class=PerEventMemory,
        config=StrawberryConfig(disable_field_suggestions=not introspection),
        extensions=[
            lambda: RememberedDocuments(limits),
            lambda: AddValidationRules(rules),
            *([] if introspection else [DisableIntrospection]),
            # After the rules that the others add: what has passed once is not validated again.
            lambda: ValidationCache(maxsize=_REMEMBERED),
        ],
    )
    schema.limits = limits
    return schema
