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

from schema.documents import DEFAULT_LIMITS, DocumentLimits, RememberedDocuments
from schema.errors import SafeErrors
from schema.mutation import Mutation
from schema.query import Query
from schema.subscription import Subscription

_REMEMBERED = 1_000


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
        config=StrawberryConfig(disable_field_suggestions=not introspection),
        extensions=[
            SafeErrors,
            lambda: RememberedDocuments(limits),
            lambda: AddValidationRules(rules),
            *([] if introspection else [DisableIntrospection]),
            # After the rules that the others add: what has passed once is not validated again.
            lambda: ValidationCache(maxsize=_REMEMBERED),
        ],
    )
    schema.limits = limits
    return schema
