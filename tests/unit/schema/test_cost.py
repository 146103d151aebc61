"""What an operation may cost is known before it runs, however it is written."""

import time

import pytest
from graphql import parse

from schema.cost import cost_of
from schema.documents import DEFAULT_LIMITS


def doubling(fragments: int) -> str:
    """A short document in which each fragment names the next one twice."""
    chain = " ".join(
        f"fragment F{number} on Query {{ a{number}: __typename ...F{number + 1} ...F{number + 1} }}"
        for number in range(fragments)
    )
    return f"{{ ...F0 }} {chain} fragment F{fragments} on Query {{ __typename }}"


@pytest.mark.parametrize(
    ("document", "cost"),
    [
        ("{ __typename }", 1),
        ("{ a: __typename b: __typename }", 2),
        ('{ payment(id: "x") { id status } }', 3),
        ("{ payments(first: 5) { nodes { id } } }", 1 + 5 * (1 + 1)),
        ("{ payments { nodes { id } } }", 1 + 100 * (1 + 1)),
        ("{ payments(first: 1) { nodes { history { version } } } }", 1 + 1 * (1 + 1 * (1 + 10 * 1))),
        ("{ ... on Query { __typename } ...F } fragment F on Query { __typename __typename }", 3),
        ("query A { __typename } query B { a: __typename b: __typename }", 2),
        ("{ ...F } fragment F on Query { ...F }", 0),
        ("{ ...Missing }", 0),
    ],
)
def test_fields_are_counted_with_lists_and_fragments_multiplied(document: str, cost: int) -> None:
    assert cost_of(parse(document)) == cost


def test_fragments_that_double_are_seen_through_at_once() -> None:
    begun = time.perf_counter()
    assert cost_of(parse(doubling(60))) > DEFAULT_LIMITS.cost
    # Not how fast, but whether it is 60 steps or 2 to the 60th.
    assert time.perf_counter() - begun < 10


def test_what_the_readme_and_graphiql_ask_is_far_within() -> None:
    usual = "{ payments(first: 20) { nodes { id status amount { formatted } history { version status at } } } }"
    assert cost_of(parse(usual)) < DEFAULT_LIMITS.cost / 5
