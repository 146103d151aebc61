"""Servers that each do one thing wrong, and the rules that have to notice it."""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping

from tests.conformance.tampering import BreakOff, Honest, Message


class ClosesWithAnotherCode(Honest):
    def close_code(self, code: int) -> int:
        return 1000 if code == 4400 else code


class BreaksOffInsteadOfClosing(Honest):
    def close_code(self, _code: int) -> int:
        raise BreakOff


class AgreesOnNothing(Honest):
    def subprotocol(self, _agreed: str) -> str | None:
        return None


class NeverAcknowledges(Honest):
    def said(self, message: Message) -> list[Message]:
        return [] if message["type"] == "connection_ack" else [message]


class AcknowledgesWithANumber(Honest):
    def said(self, message: Message) -> list[Message]:
        return [{**message, "payload": 1}] if message["type"] == "connection_ack" else [message]


class DoesNotEcho(Honest):
    def said(self, message: Message) -> list[Message]:
        return [{"type": "pong"}] if message["type"] == "pong" else [message]


class AnswersEveryOtherPing(Honest):
    answered = False

    def said(self, message: Message) -> list[Message]:
        if message["type"] == "pong":
            self.answered = not self.answered
            return [message] if self.answered else []
        return [message]


class CompletesAfterAnError(Honest):
    def said(self, message: Message) -> list[Message]:
        return [message, {"type": "complete", "id": message["id"]}] if message["type"] == "error" else [message]


class CompletesTwice(Honest):
    def said(self, message: Message) -> list[Message]:
        return [message, message] if message["type"] == "complete" else [message]


class NeverCompletes(Honest):
    def said(self, message: Message) -> list[Message]:
        return [] if message["type"] == "complete" else [message]


class TellsErrorsInNext(Honest):
    def said(self, message: Message) -> list[Message]:
        if message["type"] != "error":
            return [message]
        return [
            {**message, "type": "next", "payload": {"errors": message["payload"]}},
            {"type": "complete", "id": message["id"]},
        ]


class TellsOneErrorForTheList(Honest):
    def said(self, message: Message) -> list[Message]:
        return [{**message, "payload": message["payload"][0]}] if message["type"] == "error" else [message]


class ErrorsEndTheSocket(Honest):
    def said(self, message: Message) -> list[Message]:
        if message["type"] == "error":
            raise BreakOff
        return [message]


class AddsMembersToResults(Honest):
    def said(self, message: Message) -> list[Message]:
        if message["type"] != "next":
            return [message]
        return [{**message, "payload": {**message["payload"], "took": 1}}]


class LosesIds(Honest):
    def said(self, message: Message) -> list[Message]:
        return [{**message, "id": message["id"].encode("ascii", "ignore").decode()}] if "id" in message else [message]


class DoesNotStop(Honest):
    """As if the client had never said `complete`."""

    def heard(self, frame: str | bytes) -> list[str | bytes]:
        return [] if json.loads(frame)["type"] == "complete" else [frame]


class SwallowsTheSecondValue(Honest):
    values = 0

    def said(self, message: Message) -> list[Message]:
        self.values += message["type"] == "next"
        return [] if message["type"] == "next" and self.values > 1 else [message]


SOCKET_DEFECTS: dict[type[Honest], set[str]] = {
    ClosesWithAnotherCode: {"ws-malformed-not-json", "ws-subscribe-id-number", "ws-init-array"},
    BreaksOffInsteadOfClosing: {"ws-malformed-not-json", "ws-init-twice", "ws-unauthorized"},
    AgreesOnNothing: {"ws-handshake", "ws-handshake-among-others"},
    NeverAcknowledges: {"ws-init", "ws-init-null"},
    AcknowledgesWithANumber: {"ws-ack-form"},
    DoesNotEcho: {"ws-ping-echo"},
    AnswersEveryOtherPing: {"ws-ping-each"},
    CompletesAfterAnError: {"ws-error-syntax-error-ends", "ws-error-unknown-field-ends"},
    CompletesTwice: {"ws-query"},
    NeverCompletes: {"ws-query", "ws-stream"},
    TellsErrorsInNext: {"ws-error-syntax-error"},
    TellsOneErrorForTheList: {"ws-error-syntax-error", "ws-error-unknown-field"},
    ErrorsEndTheSocket: {"ws-fault-ends-one", "ws-id-reused-after-error"},
    AddsMembersToResults: {"ws-query", "ws-stream"},
    LosesIds: {"ws-id-any-text"},
    DoesNotStop: {"ws-stop", "ws-stop-exactly", "ws-stop-at-once"},
    SwallowsTheSecondValue: {"ws-stream", "ws-streams-side-by-side"},
}


class SaysItIsText(Honest):
    def content_type(self, _content_type: str) -> str:
        return "text/plain; charset=utf-8"


class SaysItIsLatin1(Honest):
    def content_type(self, content_type: str) -> str:
        return content_type.replace("utf-8", "iso-8859-1")


class AlwaysSays200(Honest):
    def status(self, _status: int) -> int:
        return 200


class AlwaysAnswersInJson(Honest):
    def request(self, method: str, headers: Mapping[str, str]) -> tuple[str, Mapping[str, str]]:
        return method, {**headers, "accept": "application/json"}


class TakesAnyBody(Honest):
    def request(self, method: str, headers: Mapping[str, str]) -> tuple[str, Mapping[str, str]]:
        return method, {**headers, "content-type": "application/json"}


class AddsDataToErrors(Honest):
    async def body(self, pieces: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
        async for piece in pieces:
            yield piece.replace(b'{"errors":', b'{"data":null,"errors":')


class AddsMembersToAnswers(Honest):
    async def body(self, pieces: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
        async for piece in pieces:
            yield piece.replace(b'{"data":', b'{"took":1,"data":')


HTTP_DEFECTS: dict[type[Honest], set[str]] = {
    SaysItIsText: {"http-accept-json", "http-accept-graphql"},
    SaysItIsLatin1: {"http-utf-8", "http-utf-8-said"},
    AlwaysSays200: {
        "http-syntax-error-not-2xx", "http-syntax-error-400", "http-refuses-query-number", "http-post-no-type",
        "http-get-mutation-405",
    },
    AlwaysAnswersInJson: {"http-accept-graphql", "http-syntax-error-400", "sse-media-type"},
    TakesAnyBody: {"http-post-text", "http-post-form"},
    AddsDataToErrors: {"http-syntax-error-errors", "http-malformed-errors", "sse-error-syntax-error"},
    AddsMembersToAnswers: {"http-result-form", "sse-query"},
}  # fmt: skip


class LeavesOutComplete(Honest):
    async def body(self, pieces: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
        async for piece in pieces:
            if not piece.startswith(b"event: complete"):
                yield piece


class CompletesWithoutData(Honest):
    async def body(self, pieces: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
        async for piece in pieces:
            yield piece.replace(b"complete\ndata:\n", b"complete\n")


class NamesNoEvents(Honest):
    async def body(self, pieces: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
        async for piece in pieces:
            yield piece.replace(b"event: next\n", b"")


class KeepsEverythingToTheEnd(Honest):
    async def body(self, pieces: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
        yield b"".join([piece async for piece in pieces])


class RefusesByStatus(Honest):
    def status(self, _status: int) -> int:
        return 400


class LeavesOutTheOpening(Honest):
    async def body(self, pieces: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
        whole = b"".join([piece async for piece in pieces])
        yield whole.removeprefix(b"\r\n").removeprefix(b"--graphql\r\n")


class LeavesOutTheEnd(Honest):
    async def body(self, pieces: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
        yield b"".join([piece async for piece in pieces]).removesuffix(b"--\r\n")


class AddsAnEmptyPart(Honest):
    async def body(self, pieces: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
        whole = b"".join([piece async for piece in pieces])
        yield whole.replace(b"--graphql--", b"--graphql\r\nContent-Type: application/json\r\n\r\n\r\n--graphql--")


class DelimitsLate(Honest):
    """Each delimiter waits for the part that it begins."""

    async def body(self, pieces: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
        waiting = b""
        async for piece in pieces:
            content, delimiter, rest = (waiting + piece).rpartition(b"\r\n--graphql")
            yield content
            waiting = delimiter + rest
        yield waiting


class LeavesItsProtocolUnnamed(Honest):
    def content_type(self, content_type: str) -> str:
        return content_type.replace(";subscriptionSpec=1.0", ",application/json")


STREAM_DEFECTS: dict[type[Honest], set[str]] = {
    LeavesOutComplete: {"sse-query", "sse-stream"},
    CompletesWithoutData: {"sse-complete-dispatched"},
    NamesNoEvents: {"sse-only-its-events", "sse-query"},
    KeepsEverythingToTheEnd: {"sse-as-they-come", "multipart-as-they-come"},
    RefusesByStatus: {"sse-media-type", "sse-error-syntax-error", "sse-get"},
    LeavesOutTheOpening: {"multipart-opened"},
    LeavesOutTheEnd: {"multipart-closed"},
    AddsAnEmptyPart: {"multipart-parts"},
    DelimitsLate: {"multipart-delimited-early"},
    LeavesItsProtocolUnnamed: {"multipart-media-type-spec", "multipart-media-type-clean"},
}
