"""The layers of docs/architecture.md hold, and the domain is pure."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOMAIN = sorted((ROOT / "app" / "domain").rglob("*.py"))
ALLOWED_IN_DOMAIN = {
    "app.domain", "base64", "collections", "dataclasses", "datetime", "enum", "functools", "hashlib", "pydantic",
    "re", "typing",
}  # fmt: skip
IMPURE_CALLS = {"now", "today", "utcnow", "uuid1", "uuid4", "open", "print", "input"}


def test_imports_point_inwards_only() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    outcome = subprocess.run([lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert outcome.returncode == 0, outcome.stdout


@pytest.mark.parametrize("path", DOMAIN, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_domain_uses_no_clock_no_randomness_and_no_io(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    foreign = {name for name in _imported(tree) if not any(_within(name, allowed) for allowed in ALLOWED_IN_DOMAIN)}
    called = {name for name in _called(tree) if name in IMPURE_CALLS}
    assert (foreign, called) == (set(), set())


def _within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def _imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Import():
                yield from (alias.name for alias in node.names)
            case ast.ImportFrom(module=str(module)):
                yield module


def _called(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=name)) | ast.Call(func=ast.Attribute(attr=name)):
                yield name
