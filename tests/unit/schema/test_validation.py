"""A document is validated once, however often it comes."""

from typing import Any

from strawberry.extensions.validation_cache import _get_validate_cache

from schema.build import _REMEMBERED, build_schema
from schema.execution import Executor, Operation


async def test_a_document_that_has_passed_is_not_validated_again() -> None:
    executor = Executor(build_schema())
    cache: Any = _get_validate_cache(_REMEMBERED)
    before = cache.cache_info().misses
    for _ in range(3):
        await executor.run(Operation("{ __typename }", {}), None)  # type: ignore[arg-type]  # it needs no context
    assert cache.cache_info().misses == before + 1
