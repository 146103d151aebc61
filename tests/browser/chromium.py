"""A headless Chromium driven over the Chrome DevTools Protocol, which writes down every address it asks for."""

import asyncio
import base64
import itertools
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

EXECUTABLE = shutil.which("chromium")

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1440,900",
    "--remote-debugging-port=0",
]

PATIENCE = 30  # seconds; a busy machine is slow, a broken page never gets there


class Tab:
    """One tab and the workers it starts."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._chores: set[asyncio.Task[Any]] = set()
        self._session: str | None = None
        self.requested: list[str] = []
        self.websocket_messages: list[dict[str, Any]] = []
        self.complaints: list[str] = []

    async def open(self) -> None:
        """Make the tab, blank, with everything being recorded from the start."""
        target = await self.send("Target.createTarget", url="about:blank")
        attached = await self.send("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = attached["sessionId"]
        await self._record(self._session)
        await self.send("Page.enable")

    async def go_to(self, address: str) -> None:
        """Start loading a page."""
        await self.send("Page.navigate", url=address)

    async def evaluate(self, expression: str) -> Any:
        """What a JavaScript expression gives in the page."""
        answer = await self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise AssertionError(answer["exceptionDetails"])
        return answer["result"].get("value")

    async def until(self, expression: str) -> None:
        """Wait for a JavaScript expression to become true."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not await self.evaluate(f"Boolean({expression})"):
                    await self.evaluate("new Promise(requestAnimationFrame).then(() => true)")
        except TimeoutError:
            shown = await self.evaluate("document.body.innerText")
            raise AssertionError(f"never true: {expression}\n{shown}\n{self.complaints}") from None

    async def type(self, text: str) -> None:
        """Type into whatever has the focus."""
        await self.send("Input.insertText", text=text)

    async def press_control(self, letter: str) -> None:
        """Press Control and a letter."""
        await self.send(
            "Input.dispatchKeyEvent",
            type="keyDown",
            key=letter,
            windowsVirtualKeyCode=ord(letter.upper()),
            modifiers=2,
        )

    async def screenshot(self) -> bytes:
        """The page as a PNG."""
        return base64.b64decode((await self.send("Page.captureScreenshot"))["data"])

    async def send(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        """Give Chromium a command; its result."""
        number = next(self._numbers)
        message: dict[str, Any] = {"id": number, "method": method, "params": parameters}
        if session := session or self._session:
            message["sessionId"] = session
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        await self._connection.send(json.dumps(message))
        result: dict[str, Any] = await answer
        return result

    async def listen(self) -> None:
        """Take in answers and events for as long as Chromium lives."""
        async for text in self._connection:
            message = json.loads(text)
            if "id" in message:
                self._settle(message)
            else:
                self._note(message["method"], message["params"])
        for number in list(self._answers):
            self._settle({"id": number, "error": "Chromium has gone"})

    async def _record(self, session: str) -> None:
        for domain in ("Network", "Runtime", "Log"):
            await self.send(f"{domain}.enable", session)
        # A worker is held until it is recorded too, then let go.
        await self.send("Target.setAutoAttach", session, autoAttach=True, waitForDebuggerOnStart=True, flatten=True)
        await self.send("Runtime.runIfWaitingForDebugger", session)

    def _settle(self, message: dict[str, Any]) -> None:
        answer = self._answers.pop(message["id"])
        if answer.done():
            return  # whoever asked has stopped waiting
        if "error" in message:
            answer.set_exception(RuntimeError(message["error"]))
        else:
            answer.set_result(message["result"])

    def _note(self, method: str, event: dict[str, Any]) -> None:
        match method:
            case "Network.requestWillBeSent":
                self.requested.append(event["request"]["url"])
            case "Network.webSocketCreated":
                self.requested.append(event["url"])
            case "Network.webSocketFrameReceived":
                self.websocket_messages.append(json.loads(event["response"]["payloadData"]))
            case "Log.entryAdded" if event["entry"]["level"] == "error":
                self.complaints.append(event["entry"]["text"])
            case "Runtime.exceptionThrown":
                self.complaints.append(json.dumps(event["exceptionDetails"]))
            case "Target.attachedToTarget" if self._session:
                chore = asyncio.create_task(self._record(event["sessionId"]))
                self._chores.add(chore)
                chore.add_done_callback(self._chores.discard)


@asynccontextmanager
async def chromium(profile: Path) -> AsyncIterator[Tab]:
    """A tab in a Chromium of its own, with an empty profile."""
    assert EXECUTABLE
    process = await asyncio.create_subprocess_exec(
        EXECUTABLE, *FLAGS, f"--user-data-dir={profile}", stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr
    try:
        async with connect(await _devtools_address(process.stderr), max_size=None) as connection:
            tab = Tab(connection)
            # Whatever else it has to say is read too: a full pipe would bring it to a halt.
            background = [asyncio.create_task(tab.listen()), asyncio.create_task(process.stderr.read())]
            try:
                await tab.open()
                yield tab
            finally:
                for task in background:
                    task.cancel()
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _devtools_address(stderr: asyncio.StreamReader) -> str:
    async with asyncio.timeout(PATIENCE):
        async for line in stderr:
            if line.startswith(b"DevTools listening on "):
                return line.split()[-1].decode()
    raise AssertionError("Chromium did not start")
