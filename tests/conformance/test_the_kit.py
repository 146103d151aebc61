"""The parts of the kit by themselves, and the command."""

import ast
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from app.audit import (
    PAYGATE,
    RULES,
    Finding,
    Level,
    Options,
    Protocol,
    Report,
    ScenarioError,
    Unreachable,
    Verdict,
    as_json,
    as_markdown,
    as_table,
    audit,
    read_scenario,
)
from app.audit.event_stream import Event, read_events
from app.audit.model import NotMet
from app.audit.multipart_body import Body, Piece, boundary_of
from app.audit.results import check_refusal, check_result
from app.audit.target import check_as_they_come
from app.cli import cli
from tests.support.stack import Stack

PACKAGE = Path(__file__).parent.parent.parent / "app" / "audit"
LIBRARIES = {"httpx", "rich", "websockets"}
NOBODY = "http://127.0.0.1:1/graphql"


def report_with(verdict: Verdict, level: Level = Level.MUST) -> Report:
    return Report("http://example.test", (Finding(Protocol.HTTP, "http-a|b", level, "A *rule*", verdict, "[seen]"),))


# Rules and reports


def test_every_rule_has_an_id_of_its_own() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES)


def test_every_protocol_has_rules() -> None:
    assert {rule.protocol for rule in RULES} == set(Protocol)


@pytest.mark.parametrize("module", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_the_kit_knows_nothing_of_the_gateway(module: Path) -> None:
    imported = set(_imported(ast.parse(module.read_text("utf-8"))))
    foreign = {name for name in imported if name.partition(".")[0] not in sys.stdlib_module_names | LIBRARIES}
    assert {name for name in foreign if not f"{name}.".startswith("app.audit.")} == set()


def _imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Import():
                yield from (alias.name for alias in node.names)
            case ast.ImportFrom(module=str(module)):
                yield module


@pytest.mark.parametrize(
    ("verdict", "level", "passed"),
    [
        (Verdict.MET, Level.MUST, True),
        (Verdict.NOT_MET, Level.MUST, False),
        (Verdict.NOT_MET, Level.SHOULD, True),
        (Verdict.NOT_OFFERED, Level.MUST, True),
        (Verdict.NOT_EXAMINED, Level.MUST, True),
    ],
)
def test_a_report_fails_by_a_must_alone(verdict: Verdict, level: Level, passed: bool) -> None:
    assert report_with(verdict, level).passed is passed


def test_a_finding_is_found_by_its_id() -> None:
    report = report_with(Verdict.MET)
    assert report.verdict("http-a|b") is Verdict.MET
    with pytest.raises(KeyError):
        report.finding("http-c")


def test_a_report_as_json_has_everything() -> None:
    told = json.loads(as_json(report_with(Verdict.NOT_MET)))
    assert told["passed"] is False
    assert told["findings"][0]["seen"] == "[seen]"


def test_a_report_as_markdown_says_first_what_is_not_met_and_keeps_its_tables_whole() -> None:
    text = as_markdown(report_with(Verdict.NOT_MET))
    assert "- `http-a|b` (MUST) is **not met**: [seen]. A \\*rule\\*." in text
    assert "Every rule is met." in as_markdown(report_with(Verdict.MET))


def test_a_report_as_a_table_takes_no_markup_from_a_server() -> None:
    console = Console(width=200)
    with console.capture() as captured:
        console.print(as_table(report_with(Verdict.NOT_MET)))
    assert "[seen]" in captured.get()


# Reading


async def _pieces(*texts: bytes) -> AsyncIterator[bytes]:
    for text in texts:
        yield text


async def _events(*texts: bytes) -> list[Event]:
    return [event async for event in read_events(_pieces(*texts))]


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
async def test_an_event_is_read_with_any_end_of_line(line_end: bytes) -> None:
    (event,) = await _events(line_end.join([b"event: next", b"id: 3", b"data: 1", b"data:2", b"", b""]))
    assert (event.name, event.id, event.data, event.is_comment) == ("next", "3", "1\n2", False)


async def test_an_event_may_come_in_pieces_that_cut_a_character() -> None:
    text = 'event: next\ndata: "ü"\n\n'.encode()
    (event,) = await _events(*(text[number : number + 1] for number in range(len(text))))
    assert event.result() == "ü"


async def test_a_comment_is_no_event_and_an_event_without_data_has_none() -> None:
    comment, event = await _events(b": awake\n\nevent: complete\n\n")
    assert (comment.is_comment, event.is_comment, event.data) == (True, False, None)


async def test_events_that_come_in_one_piece_come_at_one_time() -> None:
    one, other, later = await _events(b"data: 1\n\ndata: 2\n\n", b"data: 3\n\n")
    assert one.at == other.at <= later.at


@pytest.mark.parametrize("seconds", [[1.0], [0.0, 1.0]])
async def test_a_stream_that_came_at_once_by_chance_is_looked_at_again(seconds: list[float]) -> None:
    assert await check_as_they_come(_taking(*seconds))


async def test_a_stream_that_always_comes_at_once_is_noticed() -> None:
    with pytest.raises(NotMet, match="at once"):
        await check_as_they_come(_taking(0.0, 0.01, 1.0))


def _taking(*seconds: float) -> Callable[[], Awaitable[float]]:
    remaining = iter(seconds)

    async def duration() -> float:
        return next(remaining)

    return duration


@pytest.mark.parametrize("text", [b"event: next\ndata: 1", b"data: \xff\n\n"])
async def test_a_stream_that_is_none_is_noticed(text: bytes) -> None:
    with pytest.raises(NotMet):
        await _events(text)


WHOLE = b'--x\r\nContent-Type: application/json\r\n\r\n{"payload":1}\r\n--x\r\nA: b\r\n\r\n{}\r\n--x--\r\n'


def test_a_multipart_body_is_taken_apart() -> None:
    body = Body.of("x", WHOLE)
    assert (body.opened, body.closed) == (True, True)
    assert [part.json() for part in body.parts()] == [{"payload": 1}, {}]
    assert [part.headers for part in body.parts()] == [{"content-type": "application/json"}, {"a": "b"}]


def test_a_delimiter_within_a_value_is_none() -> None:
    (part,) = Body.of("x", b'--x\r\n\r\n\r\n"--x"\r\n--x--').parts()
    assert part.json() == "--x"


@pytest.mark.parametrize(
    ("texts", "late"),
    [
        ([WHOLE], False),
        ([b"--x", b"\r\n\r\n\r\n1\r\n--x", b"\r\n\r\n\r\n2\r\n--x", b"--"], False),
        ([b"--x\r\n\r\n\r\n1", b"\r\n--x\r\n\r\n\r\n2", b"\r\n--x--"], True),
    ],
)
def test_a_delimiter_that_comes_with_the_next_part_is_late(texts: list[bytes], late: bool) -> None:
    body = Body("x", tuple(Piece(text, float(number)) for number, text in enumerate(texts)))
    assert body.delimited_late() is late


@pytest.mark.parametrize("content_type", ["multipart/mixed; boundary=x", 'multipart/mixed;a=b;Boundary="x"'])
def test_a_boundary_is_found(content_type: str) -> None:
    assert boundary_of(content_type) == "x"


@pytest.mark.parametrize(
    "value", [None, [], {}, {"data": 1, "took": 2}, {"errors": []}, {"errors": [{}]}, {"errors": {"message": "x"}}]
)
def test_what_is_no_result_of_graphql_is_noticed(value: object) -> None:
    with pytest.raises(NotMet):
        check_result(value)


@pytest.mark.parametrize("value", [{"data": {}}, {"data": None, "errors": [{"message": "x"}]}])
def test_what_is_no_refusal_is_noticed(value: object) -> None:
    with pytest.raises(NotMet):
        check_refusal(value)


# Scenarios


def test_a_preparation_is_unique_each_time_and_gives_its_variables() -> None:
    prepare = PAYGATE.finite.prepare
    assert prepare is not None
    keys = {prepare.request()["variables"]["input"]["idempotencyKey"] for _ in range(3)}
    assert len(keys) == 3
    assert prepare.taken_from({"initiatePayment": {"payment": {"id": "pay_1"}}}) == {"id": "pay_1"}


def test_a_scenario_is_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "scenario.json"
    prepare = {"document": "mutation { a }", "take": {"id": "list.0"}}
    file.write_text(json.dumps({"finite": {"document": "subscription { b }", "prepare": prepare}}))
    scenario = read_scenario(file)
    assert scenario.lasting is None
    assert scenario.finite.prepare is not None
    assert scenario.finite.prepare.taken_from({"list": ["first"]}) == {"id": "first"}


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"finite": {"prepare": {}}}', '{"finite": {"document": "x", "prepare": 1}}']
)
def test_a_scenario_of_another_form_is_refused_with_the_files_name(tmp_path: Path, text: str) -> None:
    file = tmp_path / "scenario.json"
    file.write_text(text)
    with pytest.raises(ScenarioError, match=r"scenario\.json"):
        read_scenario(file)


async def test_without_a_scenario_streams_are_not_examined(stack: Stack) -> None:
    report = await audit(stack.url, Options(only=("ws-stream", "ws-query")))
    assert report.verdict("ws-stream") is Verdict.NOT_EXAMINED
    assert report.verdict("ws-query") is Verdict.MET


# The command


async def test_where_nobody_answers_there_is_no_report() -> None:
    with pytest.raises(Unreachable, match="127"):
        await audit(NOBODY)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([], NOBODY),
        (["--header", "x"], "--header"),
        (["--init", "[]"], "--init"),
        (["--scenario", "no.json"], "no.json"),
    ],
)
def test_the_command_names_what_cannot_be_used(arguments: list[str], named: str) -> None:
    outcome = CliRunner().invoke(cli, ["audit", NOBODY, *arguments])
    assert outcome.exit_code == 2
    assert named in outcome.output


def test_the_command_writes_its_report_and_tells_success_by_its_status(stack: Stack, tmp_path: Path) -> None:
    files = [str(tmp_path / name) for name in ("report.json", "report.md")]
    arguments = ["audit", stack.url, "--only", "ws-init*", "--json", files[0], "--markdown", files[1]]
    outcome = CliRunner().invoke(cli, [*arguments, "--header", "x-audited: yes", "--init", "{}"])
    assert outcome.exit_code == 0
    assert json.loads((tmp_path / "report.json").read_text())["passed"] is True
    assert (tmp_path / "report.md").read_text().startswith("# Conformance")
