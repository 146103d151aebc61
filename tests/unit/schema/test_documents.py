"""How much a document may ask for is up to whoever runs the gateway."""

import json
from typing import Any

import pytest

from schema.build import build_schema
from schema.context import Context
from schema.documents import DocumentLimits
from schema.execution import Executor, Operation

TYPE_NAME = "{ __typename }"


async def answer(limits: DocumentLimits, document: str) -> Any:
    executor = Executor(build_schema(limits=limits))
    context = Context(services=None, identified=None)  # type: ignore[arg-type]  # nothing here uses one
    return json.loads((await executor.run(Operation(document, {}), context)).body)


@pytest.mark.parametrize(
    ("limits", "document", "code", "says"),
    [
        (DocumentLimits(tokens=3), "{ a: __typename }", "GRAPHQL_INVALID", "3 tokens"),
        (DocumentLimits(cost=30), "{ payments(first: 30) { nodes { id } } }", "QUERY_TOO_COMPLEX", "may cost 30"),
        (DocumentLimits(depth=2), "{ payments { nodes { amount { amount } } } }", "GRAPHQL_INVALID", "depth of 2"),
        (DocumentLimits(aliases=1), "{ a: __typename b: __typename }", "GRAPHQL_INVALID", "Allowed: 1"),
    ],
)
async def test_what_is_beyond_a_limit_is_refused_and_the_next_document_is_run(
    limits: DocumentLimits, document: str, code: str, says: str
) -> None:
    (error,) = (await answer(limits, document))["errors"]
    assert error["extensions"]["code"] == code
    assert says in error["message"]
    assert await answer(limits, TYPE_NAME) == {"data": {"__typename": "Query"}}


async def test_a_document_refused_by_one_schema_is_not_refused_by_another() -> None:
    document = "{ __typename again: __typename }"
    assert "errors" in await answer(DocumentLimits(cost=1), document)
    assert await answer(DocumentLimits(), document) == {"data": {"__typename": "Query", "again": "Query"}}
