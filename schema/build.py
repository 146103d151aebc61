"""The schema, put together."""

import strawberry
from graphql import DocumentNode, GraphQLError, specified_rules
from strawberry.extensions import (
    AddValidationRules,
    DisableIntrospection,
    MaxAliasesLimiter,
    QueryDepthLimiter,
    ValidationCache,
)
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.schema import validate_document
from strawberry.types import ExecutionContext

from schema.documents import RememberedDocuments
from schema.errors import SafeErrors
from schema.mutation import Mutation
from schema.query import Query
from schema.subscription import Subscription

_DEPTH = 15  # GraphiQL's introspection needs 13
_ALIASES = 15
_REMEMBERED = 1_000
# Made once: a document counts as validated by the very rules, and each limiter makes a rule of its own.
_LIMITS = [
    *QueryDepthLimiter(max_depth=_DEPTH).validation_rules,
    *MaxAliasesLimiter(max_alias_count=_ALIASES).validation_rules,
]


class PaymentSchema(strawberry.Schema):
    """Errors are logged where they are translated, not with the text of the operation around them."""

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Do nothing: see the class."""

    def faults_of(self, document: DocumentNode) -> list[GraphQLError]:
        """What is wrong with a document, by the same rules as when it is executed."""
        limiters = [each for each in self.get_extensions() if isinstance(each, AddValidationRules)]
        added = [rule for limiter in limiters for rule in limiter.validation_rules]
        return validate_document(self._schema, document, (*specified_rules, *added))


def build_schema(*, introspection: bool = True) -> PaymentSchema:
    """The executable schema; without `introspection` it tells nobody what it has, not even by suggesting names."""
    return PaymentSchema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        config=StrawberryConfig(disable_field_suggestions=not introspection),
        extensions=[
            SafeErrors,
            RememberedDocuments,
            lambda: AddValidationRules(_LIMITS),
            *([] if introspection else [DisableIntrospection]),
            # After the rules that the others add: what has passed once is not validated again.
            lambda: ValidationCache(maxsize=_REMEMBERED),
        ],
    )
