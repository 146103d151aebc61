"""The README's sessions, copied from it and run."""

import ast
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.stack import Stack

README = (Path(__file__).parent.parent.parent / "README.md").read_text("utf-8")


def _block(language: str, containing: str, stack: Stack) -> str:
    blocks = re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)
    (block,) = [block for block in blocks if containing in block]
    return str(block).replace("127.0.0.1:8000", f"127.0.0.1:{stack.port}")


def test_the_session_with_python_prints_what_the_readme_shows(stack: Stack) -> None:
    program = _block("python", "socket.subscribe", stack)
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stderr
    shown = re.findall(r"^\{'status'.*\}$", README, re.MULTILINE)
    assert [ast.literal_eval(line) for line in run.stdout.splitlines()] == [ast.literal_eval(line) for line in shown]


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_session_with_curl_pays_and_lists(stack: Stack) -> None:
    paid = _sh(_block("sh", "curl-1", stack))
    assert paid["data"]["initiatePayment"]["payment"]["status"] == "SUCCEEDED"
    listed = _sh(_block("sh", "payments(first: 5)", stack))
    assert listed["data"]["payments"]["nodes"]


def _sh(script: str) -> dict[str, dict[str, dict[str, dict[str, str]]]]:
    run = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, timeout=60, check=True)
    answer: dict[str, dict[str, dict[str, dict[str, str]]]] = json.loads(run.stdout)
    return answer
