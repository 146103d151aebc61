"""One server per folder."""

import fcntl
import os
from pathlib import Path

from app.laptop.eventstore.errors import FolderInUse, FolderUnusable


class FolderLock:
    """An exclusive lock on a data folder, let go by ``release`` or by the end of the process, however it ends."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / "eventstore.lock"
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock. Raises FolderInUse if another process has it, FolderUnusable if there is no such folder."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise FolderUnusable(self._folder, error.strerror or str(error)) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            owner = os.read(descriptor, 32).decode(errors="replace").strip()
            os.close(descriptor)
            raise FolderInUse(self._folder, owner) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        """Let the lock go. The file stays: to remove it would let two servers lock two files of one name."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
