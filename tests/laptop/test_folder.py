"""One copy works in a data folder at a time, and finds there what it left."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from app.laptop.folder import DataFolder, FolderTaken, FolderUnusable, opened
from app.notifier.push.vapid import VapidKey

HOLD = """
import asyncio, os, pathlib, sys
from app.laptop.folder import opened

async def hold():
    async with opened(pathlib.Path(sys.argv[1])) as folder:
        # The child inherits the lock and lives until its input ends, which this process holds.
        os.set_inheritable(folder.lock, True)
        child = await asyncio.create_subprocess_exec("cat", stdin=asyncio.subprocess.PIPE, close_fds=False)
        print("holding", flush=True)
        await child.wait()

asyncio.run(hold())
"""


def kill_an_owner_of(folder: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"holding\n"
        owner.kill()


async def test_a_folder_in_use_is_refused_with_the_folder_and_the_variable(tmp_path: Path) -> None:
    async with opened(tmp_path):
        with pytest.raises(FolderTaken, match="set PAYGATE_DATA_DIR to another folder") as refusal:
            async with opened(tmp_path):
                pass
    assert str(tmp_path) in str(refusal.value)
    assert f"(process {os.getpid()})" in str(refusal.value)


async def test_a_folder_is_free_again_afterwards(tmp_path: Path) -> None:
    for _ in range(2):
        async with opened(tmp_path / "made" / "on the way") as folder:
            assert folder.path.is_dir()


async def test_a_folder_whose_owner_was_killed_is_free_once_its_children_are_gone(tmp_path: Path) -> None:
    kill_an_owner_of(tmp_path)
    async with opened(tmp_path) as folder:
        assert folder.path == tmp_path


async def test_a_folder_that_cannot_be_made_is_refused_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FolderUnusable, match=r"\(Not a directory\): set PAYGATE_DATA_DIR"):
        async with opened(tmp_path / "file" / "folder"):
            pass


async def test_the_secret_key_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    async with opened(tmp_path) as folder:
        key = folder.secret_key().get_secret_value()
    async with opened(tmp_path) as folder:
        assert folder.secret_key().get_secret_value() == key
    assert len(key) == 64
    assert stat.S_IMODE((tmp_path / "secret-key").stat().st_mode) == 0o600


def test_the_push_key_is_made_once_and_is_one(tmp_path: Path) -> None:
    key = DataFolder(tmp_path, lock=-1).push_key().get_secret_value()
    assert DataFolder(tmp_path, lock=-1).push_key().get_secret_value() == key
    assert VapidKey.read(key, "mailto:ops@shop.test").public
    assert stat.S_IMODE((tmp_path / "push-key").stat().st_mode) == 0o600


def test_a_torn_secret_key_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "secret-key").write_text("short")
    assert len(DataFolder(tmp_path, lock=-1).secret_key().get_secret_value()) == 64


def test_a_file_is_replaced_as_a_whole_and_removed_if_it_is_there(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path, lock=-1)
    folder.write("note", "first")
    folder.write("note", "second")
    assert [path.name for path in tmp_path.iterdir()] == ["note"]
    assert (tmp_path / "note").read_text() == "second"
    folder.remove("note")
    folder.remove("note")
    assert list(tmp_path.iterdir()) == []
