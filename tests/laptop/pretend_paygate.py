"""Stands in for the `paygate` command: each of its processes as the supervisor sees it, and nothing behind it."""

import http.server
import os
import signal
import socketserver
import sys

from app.laptop import lifeline
from app.settings import load_settings


class Healthy(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/health/ready" else 404)
        self.end_headers()


class Server(socketserver.TCPServer):
    allow_reuse_address = True


def main(command: str) -> None:
    lifeline.watch()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    if command == os.environ.get("PRETEND_BROKEN"):
        sys.exit(f"{command} is broken")
    settings = load_settings()
    listening = {
        "eventstore": (settings.eventstore_host, settings.eventstore_port),
        "sandbox": (settings.sandbox_host, settings.sandbox_port),
        "serve": (settings.host, settings.port),
    }
    if command in listening:
        with Server(listening[command], Healthy) as server:
            server.serve_forever()
    uses = f"{settings.profile} {settings.eventstore_uri} {settings.redis_url} {settings.sandbox_url}"
    sys.stdout.write(f"{command} is ready and uses {uses}\n")
    sys.stdout.flush()
    while True:
        signal.pause()


if __name__ == "__main__":
    main(sys.argv[1])
