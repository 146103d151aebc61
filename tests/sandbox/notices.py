"""A merchant's address for notices, as the simulators meet it."""

import json
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Merchant:
    """Takes down each notice; answers what `answers` says, the last one for ever."""

    def __init__(self, url: str, notices: "queue.Queue[dict[str, Any]]") -> None:
        self.url = url
        self._notices = notices

    def next(self, seconds: float = 10.0) -> dict[str, Any]:
        """The next notice; raises `queue.Empty` when none comes."""
        return self._notices.get(timeout=seconds)

    def is_left_alone(self, seconds: float) -> bool:
        """Whether nothing comes for that long."""
        try:
            self._notices.get(timeout=seconds)
        except queue.Empty:
            return True
        return False


@contextmanager
def merchant(*answers: tuple[int, bytes]) -> Iterator[Merchant]:
    notices: queue.Queue[dict[str, Any]] = queue.Queue()
    left = list(answers)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, answer = left.pop(0) if len(left) > 1 else left[0]
            self.send_response(status)
            if answer:
                self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)
            notices.put(json.loads(body))

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield Merchant(f"http://127.0.0.1:{server.server_port}", notices)
        finally:
            server.shutdown()
            thread.join()
