"""The data folder of `paygate dev`: one running copy at a time, and the files that are the copy's own."""

import asyncio
import base64
import contextlib
import fcntl
import os
import secrets
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from pydantic import SecretStr

_LOCK = "lock"
_SECRET_KEY = "secret-key"  # noqa: S105 - the name of a file
_PUSH_KEY = "push-key"
_SHORTEST_KEY = 32
# Longer than the children of a killed supervisor live on.
_ORPHANS_SECONDS = 6.0
_PAUSE_SECONDS = 0.05


class FolderTaken(Exception):
    """Another running copy works in the folder."""


class FolderUnusable(Exception):
    """The folder cannot be made or written."""


@dataclass(frozen=True, slots=True)
class DataFolder:
    """A folder that is ours while it is open."""

    path: Path
    lock: int
    """The descriptor of the lock. A process that inherits it holds the lock too, and every process that writes in the
    folder should: after a supervisor was killed, the folder must stay locked until its last child is gone."""

    def make(self, name: str) -> Path:
        """A folder within, there from now on."""
        path = self.path / name
        path.mkdir(exist_ok=True)
        return path

    def write(self, name: str, text: str) -> None:
        """Replace a file as a whole; nobody ever reads half of it, and nobody but its owner reads it at all."""
        draft = self.path / f"{name}.draft"
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        draft.replace(self.path / name)

    def remove(self, name: str) -> None:
        """Delete a file, if it is there."""
        (self.path / name).unlink(missing_ok=True)

    def secret_key(self) -> SecretStr:
        """The key of this folder's payments, made when it is asked for the first time."""
        return self._kept(_SECRET_KEY, lambda: secrets.token_urlsafe(48))

    def push_key(self) -> SecretStr:
        """The key that browsers subscribe to push with, likewise."""
        return self._kept(_PUSH_KEY, _new_p256_key)

    def _kept(self, name: str, make: Callable[[], str]) -> SecretStr:
        path = self.path / name
        key = path.read_text(encoding="utf-8").strip() if path.exists() else ""
        if len(key) < _SHORTEST_KEY:
            key = make()
            self.write(name, key + "\n")
        return SecretStr(key)


def _new_p256_key() -> str:
    number = generate_private_key(SECP256R1()).private_numbers().private_value
    return base64.urlsafe_b64encode(number.to_bytes(32, "big")).decode().rstrip("=")


@contextlib.asynccontextmanager
async def opened(path: Path) -> AsyncIterator[DataFolder]:
    """The folder, locked within the block; raises `FolderTaken` or `FolderUnusable`."""
    folder = _make(path)
    try:
        await _take(folder)
        _sign(folder.lock)
        yield folder
    finally:
        os.close(folder.lock)


def _make(path: Path) -> DataFolder:
    path = path.absolute()
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return DataFolder(path, os.open(path / _LOCK, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        reason = error.strerror or str(error)
        raise FolderUnusable(f"Cannot write in {path} ({reason}): set PAYGATE_DATA_DIR to another folder") from None


async def _take(folder: DataFolder) -> None:
    deadline = time.monotonic() + _ORPHANS_SECONDS
    while not _taken_by_us(folder.lock):
        owner = _owner(folder.lock)
        # An owner that is dead has left children, which are about to end.
        if _lives(owner) or time.monotonic() > deadline:
            who = f" (process {owner})" if _lives(owner) else ""
            where = f"{folder.path} is in use by another running copy{who}"
            raise FolderTaken(f"{where}: set PAYGATE_DATA_DIR to another folder")
        await asyncio.sleep(_PAUSE_SECONDS)


def _taken_by_us(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _sign(lock: int) -> None:
    os.ftruncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)


def _owner(lock: int) -> int | None:
    signature = os.pread(lock, 20, 0)
    return int(signature) if signature.isdigit() else None


def _lives(process: int | None) -> bool:
    if process is None:
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
