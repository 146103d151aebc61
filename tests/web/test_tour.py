"""The operations that GraphiQL opens with are ones that the gateway answers."""

from pathlib import Path

import pytest
from graphql import build_schema, parse, validate

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "schema" / "schema.graphql"
TOUR = sorted((ROOT / "app" / "web" / "pages" / "graphiql" / "tour").glob("*.graphql"))


@pytest.mark.skipif(not SCHEMA.exists(), reason="the schema has not been exported: make schema")
@pytest.mark.parametrize("operation", TOUR, ids=lambda path: path.stem)
def test_the_schema_accepts(operation: Path) -> None:
    schema = build_schema(SCHEMA.read_text("utf-8"))

    assert validate(schema, parse(operation.read_text("utf-8"))) == []


def test_the_tour_starts_watches_and_lists_payments() -> None:
    assert [path.stem for path in TOUR] == ["1-initiate-payment", "2-payment-status", "3-payments"]
