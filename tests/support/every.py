"""One test of all the cases there are.

Tables that are made, not written, have cases by the hundred. What is said of them is one sentence, so it is one test:
every case is tried, and those for which it does not hold are told of together, each by its name.
"""

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import TypeVar

Case = TypeVar("Case")


def of_every(cases: Iterable[tuple[str, Case]]) -> Callable[[Callable[[Case], None]], Callable[[], None]]:
    """Make a test of a check of one case: it raises an `ExceptionGroup` of whatever that raises.

    Raises ValueError where there is no case at all, of which anything holds.
    """
    every = list(cases)
    if not every:
        raise ValueError("there is no case to try")

    def test_of(check: Callable[[Case], None]) -> Callable[[], None]:
        @functools.wraps(check)
        def test() -> None:
            faults = [fault for name, case in every if (fault := _fault_of(check, name, case)) is not None]
            if faults:
                raise ExceptionGroup(f"{len(faults)} of {len(every)} cases", faults)

        # Otherwise pytest would look for a fixture for the case.
        test.__signature__ = inspect.Signature()  # type: ignore[attr-defined]  # as `inspect` documents it
        return test

    return test_of


def _fault_of(check: Callable[[Case], None], name: str, case: Case) -> Exception | None:
    try:
        check(case)
    except Exception as fault:  # noqa: BLE001 — whatever it is, the other cases are tried too
        fault.add_note(f"case: {name}")
        return fault
    return None
