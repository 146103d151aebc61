"""Stands in for the `paygate` command: each of its processes as the supervisor sees it, and nothing behind it."""

import http.server
import os
import signal
import socketserver
import sys

from app.laptop import lifeline


class Healthy(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/health/ready" else 404)
        self.end_headers()


class Server(socketserver.TCPServer):
    allow_reuse_address = True


def setting(name: str) -> str:
    # Not by way of our settings, whose import is most of what a start costs: many of these are started.
    return os.environ[f"PAYGATE_{name}"]


def main(command: str) -> None:
    lifeline.watch()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    if command == os.environ.get("PRETEND_BROKEN"):
        sys.exit(f"{command} is broken")
    listening = {"eventstore": "EVENTSTORE_PORT", "sandbox": "SANDBOX_PORT", "serve": "PORT"}
    if command in listening:
        with Server(("127.0.0.1", int(setting(listening[command]))), Healthy) as server:
            server.serve_forever()
    uses = " ".join(map(setting, ("PROFILE", "EVENTSTORE_URI", "REDIS_URL", "SANDBOX_URL")))
    sys.stdout.write(f"{command} is ready and uses {uses}\n")
    sys.stdout.flush()
    while True:
        signal.pause()


if __name__ == "__main__":
    main(sys.argv[1])
