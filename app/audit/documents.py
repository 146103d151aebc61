"""Documents that any schema can be asked, right ones and wrong ones: all it takes is `__typename`."""

from typing import Any

SYNTAX_ERROR: dict[str, Any] = {"query": "{ __typename"}
UNKNOWN_FIELD: dict[str, Any] = {"query": "{ aFieldThatNoSchemaHas }"}
UNKNOWN_OPERATION: dict[str, Any] = {"query": "query A { __typename }", "operationName": "B"}
AMBIGUOUS_OPERATION: dict[str, Any] = {"query": "query A { __typename } query B { __typename }"}
MISSING_VARIABLE: dict[str, Any] = {"query": "query A($go: Boolean!) { __typename @include(if: $go) }"}
WRONG_VARIABLE: dict[str, Any] = {**MISSING_VARIABLE, "variables": {"go": [1]}}

REFUSED: dict[str, dict[str, Any]] = {
    "syntax-error": SYNTAX_ERROR,
    "unknown-field": UNKNOWN_FIELD,
    "unknown-operation": UNKNOWN_OPERATION,
    "missing-variable": MISSING_VARIABLE,
}
"""Requests of the right form that a server refuses before it executes anything."""

WITH_VARIABLES: dict[str, Any] = {
    "query": "query A($go: Boolean!) { kind: __typename @include(if: $go) }",
    "variables": {"go": True},
}
CHOSEN_OPERATION: dict[str, Any] = {
    "query": "query A { a: __typename } query B { b: __typename }",
    "operationName": "B",
}
MUTATION: dict[str, Any] = {"query": "mutation { __typename }"}
MIXED = "query Read { __typename } mutation Write { __typename }"
