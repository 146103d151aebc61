"""Operation in, result bytes out."""

import gc
import json
from collections.abc import AsyncGenerator
from typing import Any

import pytest
import strawberry

from schema.build import PaymentSchema, PerEventMemory
from schema.context import Context, Info
from schema.errors import api_error
from schema.execution import Answer, Executor, KindNotAllowed, Operation


@strawberry.type
class Query:
    @strawberry.field
    def greeting(self, name: str = "you") -> str:
        return f"hello {name}"

    @strawberry.field
    def secret(self) -> str:
        raise RuntimeError("the password is swordfish")


@strawberry.type
class Mutation:
    @strawberry.mutation
    def change(self) -> bool:
        return True


@strawberry.type
class Step:
    number: int


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def steps(self, to: int) -> AsyncGenerator[Step, None]:
        for number in range(to):
            yield Step(number=number)

    @strawberry.subscription
    async def count(self, info: Info, to: int, fail_at: int = -1) -> AsyncGenerator[int, None]:
        for number in range(to):
            if number == fail_at:
                raise api_error("SLOW_CONSUMER", "too slow", position=number - 1)
            info.context.position = number * 10
            yield number


@pytest.fixture
def executor() -> Executor:
    return Executor(PaymentSchema(query=Query, mutation=Mutation, subscription=Subscription))


@pytest.fixture
def context() -> Context:
    return Context(services=None, identified=None)  # type: ignore[arg-type]  # these resolvers use none


def body(answer: Answer) -> Any:
    return json.loads(answer.body)


async def test_a_subscription_that_lasts_remembers_nothing_of_the_values_before(context: Context) -> None:
    schema = build_schema_of(Query, Subscription)
    operation = Operation("subscription { steps(to: 300) { number } }", {})
    kept = []
    async for answer in Executor(schema).stream(operation, context):
        assert answer.executed
        if body(answer)["data"]["steps"]["number"] in (20, 299):
            gc.collect()
            kept.append(sum(type(each).__name__ == "FieldDetails" for each in gc.get_objects()))
    assert kept[1] <= kept[0]


def build_schema_of(query: type, subscription: type) -> PaymentSchema:
    return PaymentSchema(query=query, subscription=subscription, execution_context_class=PerEventMemory)


async def test_a_query_is_answered_with_its_data(executor: Executor, context: Context) -> None:
    operation = Operation("query($name: String!) { greeting(name: $name) }", {"name": "Ada"})
    answer = await executor.run(operation, context)
    assert body(answer) == {"data": {"greeting": "hello Ada"}}
    assert answer.executed


@pytest.mark.parametrize(
    ("query", "name", "field"),
    [
        (None, None, "query"),
        ("", None, "query"),
        ("query A { greeting } query B { greeting }", None, "operationName"),
        ("query A { greeting }", "B", "operationName"),
        ("fragment F on Query { greeting }", None, "operationName"),
    ],
)
async def test_it_is_said_what_is_missing_when_no_operation_is_meant(
    executor: Executor, context: Context, query: str | None, name: str | None, field: str
) -> None:
    operation = Operation(query, {}, name)
    streamed = [answer async for answer in executor.stream(operation, context)]
    for answer in (await executor.run(operation, context), *streamed):
        assert not answer.executed
        assert body(answer)["errors"][0]["extensions"] == {"code": "GRAPHQL_INVALID", "field": field}
        assert "data" not in body(answer)


@pytest.mark.parametrize("query", ["{", "{ nothing }", "{ greeting(name: 1) }"])
async def test_a_refused_document_has_errors_and_no_data(executor: Executor, context: Context, query: str) -> None:
    answer = await executor.run(Operation(query, {}), context)
    assert not answer.executed
    assert set(body(answer)) == {"errors"}
    assert json.loads(answer.failure or b"") == body(answer)["errors"]


@pytest.mark.parametrize("variables", [{}, {"name": 1}, {"name": None}])
async def test_variables_that_do_not_fit_are_refused_like_the_document(
    executor: Executor, context: Context, variables: dict[str, Any]
) -> None:
    operation = Operation("query($name: String!) { greeting(name: $name) }", variables)
    streamed = [answer async for answer in executor.stream(operation, context)]
    for answer in (await executor.run(operation, context), *streamed):
        assert not answer.executed
        assert set(body(answer)) == {"errors"}


async def test_a_field_that_failed_was_executed_all_the_same(executor: Executor, context: Context) -> None:
    answer = await executor.run(Operation("{ secret }", {}), context)
    assert answer.executed
    assert body(answer)["data"] is None


async def test_a_mutation_or_subscription_does_not_run_where_it_may_not(executor: Executor, context: Context) -> None:
    with pytest.raises(KindNotAllowed) as mutation:
        await executor.run(Operation("mutation { change }", {}), context, mutations=False)
    with pytest.raises(KindNotAllowed) as subscription:
        await executor.run(Operation("subscription { count(to: 1) }", {}), context)
    assert (mutation.value.kind, subscription.value.kind) == ("mutation", "subscription")


async def test_each_value_of_a_stream_carries_its_own_position(executor: Executor, context: Context) -> None:
    answers = [answer async for answer in executor.stream(Operation("subscription { count(to: 3) }", {}), context)]
    assert [answer.position for answer in answers] == [0, 10, 20]
    assert [body(answer)["extensions"]["position"] for answer in answers] == [0, 10, 20]
    assert [body(answer)["data"]["count"] for answer in answers] == [0, 1, 2]
    assert all(answer.failure is None for answer in answers)


async def test_a_stream_that_cannot_go_on_ends_with_its_errors(executor: Executor, context: Context) -> None:
    operation = Operation("subscription { count(to: 3, failAt: 2) }", {})
    answers = [answer async for answer in executor.stream(operation, context)]
    (error,) = json.loads(answers[-1].failure or b"")
    assert error["extensions"] == {"code": "SLOW_CONSUMER", "position": 1}
    assert len(answers) == 3


async def test_a_query_or_mutation_is_a_stream_of_one(executor: Executor, context: Context) -> None:
    answers = [answer async for answer in executor.stream(Operation("mutation { change }", {}), context)]
    assert [body(answer) for answer in answers] == [{"data": {"change": True}}]


async def test_what_went_wrong_inside_stays_inside(executor: Executor, context: Context) -> None:
    answer = await executor.run(Operation("{ secret }", {}), context)
    (error,) = body(answer)["errors"]
    assert error["extensions"]["code"] == "INTERNAL"
    assert "swordfish" not in answer.body.decode()
