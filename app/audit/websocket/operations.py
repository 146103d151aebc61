"""Operations with one result, and those that are refused."""

from typing import Any

from app.audit.documents import CHOSEN_OPERATION, REFUSED, SYNTAX_ERROR, WITH_VARIABLES
from app.audit.model import NotMet
from app.audit.results import check_data, check_errors, check_result
from app.audit.rules import Check
from app.audit.target import Target
from app.audit.websocket.suite import SUITE, check_ends_with, check_nothing_of
from app.audit.wire import Message

_MANY = 10
_ODD_ID = 'ü 🙂 "quoted" \\ 1'


def _one_result(messages: list[Message]) -> dict[str, Any]:
    check_ends_with(messages, "complete")
    if len(messages) != 2:
        raise NotMet(f"{len(messages) - 1} next before complete")
    return check_data(messages[0]["payload"])


@SUITE.must("query", "A query is answered with one next and one complete")
async def _query(target: Target) -> str:
    async with target.ready_socket() as wire:
        _one_result(await wire.run("1", target.query))
        check_nothing_of("1", await wire.round_trip())
    return "next, complete"


@SUITE.must("complete-form", "complete has no members but type and id")
async def _complete_form(target: Target) -> str:
    async with target.ready_socket() as wire:
        end = check_ends_with(await wire.run("1", target.query), "complete")
    if foreign := end.keys() - {"type", "id"}:
        raise NotMet(f"complete has {', '.join(sorted(foreign))}")
    return "type, id"


@SUITE.must("variables", "Variables reach the operation")
async def _variables(target: Target) -> str:
    async with target.ready_socket() as wire:
        result = _one_result(await wire.run("1", WITH_VARIABLES))
    if "kind" not in result["data"]:
        raise NotMet("the answer shows nothing of the variable")
    return "the variable was used"


@SUITE.must("operation-name", "operationName chooses the operation")
async def _operation_name(target: Target) -> str:
    async with target.ready_socket() as wire:
        result = _one_result(await wire.run("1", CHOSEN_OPERATION))
    if set(result["data"]) != {"b"}:
        raise NotMet("another operation was executed")
    return "the chosen one was executed"


@SUITE.must("nulls", "operationName, variables and extensions may be null")
async def _nulls(target: Target) -> str:
    nulls = {"operationName": None, "variables": None, "extensions": None}
    async with target.ready_socket() as wire:
        _one_result(await wire.run("1", {**target.query, **nulls}))
    return "next, complete"


@SUITE.should("unknown-members", "Members that the protocol does not know are passed over")
async def _unknown_members(target: Target) -> str:
    async with target.ready_socket() as wire:
        await wire.send("subscribe", id="1", payload={**target.query, "more": 1}, more=1)
        _one_result(await wire.operation("1"))
    return "next, complete"


@SUITE.must("id-any-text", "An id may be any text and comes back as it went")
async def _id_any_text(target: Target) -> str:
    async with target.ready_socket() as wire:
        _one_result(await wire.run(_ODD_ID, target.query))
    return "the same id"


@SUITE.must("many-at-once", "Operations with ids of their own run side by side")
async def _many_at_once(target: Target) -> str:
    waiting = {str(number) for number in range(_MANY)}
    async with target.ready_socket() as wire:
        for operation_id in sorted(waiting):
            await wire.subscribe(operation_id, target.query)
        while waiting:
            message = await wire.hear()
            if message["type"] != "next":
                check_ends_with([message], "complete")
                waiting.discard(message["id"])
    return f"{_MANY} completed"


@SUITE.must("id-reused-after-complete", "An id can be used again when its operation has completed")
async def _reused_after_complete(target: Target) -> str:
    async with target.ready_socket() as wire:
        for _ in range(3):
            _one_result(await wire.run("1", target.query))
    return "three operations with one id"


@SUITE.must("id-reused-after-error", "An id can be used again when its operation has ended with error")
async def _reused_after_error(target: Target) -> str:
    async with target.ready_socket() as wire:
        check_ends_with(await wire.run("1", SYNTAX_ERROR), "error")
        _one_result(await wire.run("1", target.query))
    return "error, then next, complete"


@SUITE.must("id-per-socket", "The same id on two sockets means two operations")
async def _id_per_socket(target: Target) -> str:
    async with target.ready_socket() as one, target.ready_socket() as other:
        await one.subscribe("1", target.query)
        await other.subscribe("1", target.query)
        _one_result(await one.operation("1"))
        _one_result(await other.operation("1"))
    return "both completed"


@SUITE.must("complete-unknown", "A complete for an id that is not in use is passed over")
async def _complete_unknown(target: Target) -> str:
    async with target.ready_socket() as wire:
        await wire.send("complete", id="never-used")
        if said := await wire.round_trip():
            raise NotMet(f"{said[0]['type']} in answer to complete")
    return "nothing was answered"


@SUITE.must("complete-late", "A client's complete may cross the server's")
async def _complete_late(target: Target) -> str:
    async with target.ready_socket() as wire:
        _one_result(await wire.run("1", target.query))
        await wire.send("complete", id="1")
        if said := await wire.round_trip():
            raise NotMet(f"{said[0]['type']} in answer to complete")
    return "nothing was answered"


def _told_by_error(payload: dict[str, Any]) -> Check:
    async def check(target: Target) -> str:
        async with target.ready_socket() as wire:
            messages = await wire.run("1", payload)
            if len(messages) != 1:
                raise NotMet(f"{messages[0]['type']} for a document that is refused")
            check_errors(check_ends_with(messages, "error")["payload"])
        return "error"

    return check


def _no_complete_follows(payload: dict[str, Any]) -> Check:
    async def check(target: Target) -> str:
        async with target.ready_socket() as wire:
            await wire.run("1", payload)
            # Twice: what is said after the first pong may only have been slow.
            check_nothing_of("1", await wire.round_trip())
            _one_result(await wire.run("2", target.query))
            check_nothing_of("1", await wire.round_trip())
        return "nothing followed"

    return check


for _name in ("syntax-error", "unknown-field", "unknown-operation"):
    _what, _payload = _name.replace("-", " "), REFUSED[_name]
    SUITE.must(f"error-{_name}", f"A document refused for its {_what} ends its operation with error")(
        _told_by_error(_payload)
    )
    SUITE.must(f"error-{_name}-ends", f"No complete follows the error for its {_what}")(_no_complete_follows(_payload))


@SUITE.must("error-missing-variable", "Variables that do not fit are told to the operation, as error or as next")
async def _missing_variable(target: Target) -> str:
    # Coercion stands between validation and execution, and the reference server has it say next.
    async with target.ready_socket() as wire:
        first, *_ = await wire.run("1", REFUSED["missing-variable"])
        await wire.round_trip()
    if first["type"] == "next" and "errors" not in check_result(first["payload"]):
        raise NotMet("the operation was executed without its variable")
    if first["type"] == "error":
        check_errors(first["payload"])
    return str(first["type"])
