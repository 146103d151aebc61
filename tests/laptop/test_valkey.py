"""The embedded Valkey is a real server that keeps its data."""

import importlib.metadata
from pathlib import Path

import psutil
import pytest
import redis

from app.laptop import valkey
from app.laptop.ports import free_ports
from tests.support.valkey_process import valkey_process


def client(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, decode_responses=True)


async def test_it_answers_once_it_runs_and_no_longer_when_it_is_stopped(tmp_path: Path) -> None:
    with valkey_process(tmp_path) as server:
        assert await valkey.answers(server.port)
    assert not await valkey.answers(server.port)


def test_it_keeps_its_data_over_a_restart(tmp_path: Path) -> None:
    with valkey_process(tmp_path / "a folder with spaces") as server, client(server.url) as redis_client:
        redis_client.set("greeting", "hello")
        server.restart()
        assert redis_client.get("greeting") == "hello"


def test_it_starts_again_after_it_was_killed(tmp_path: Path) -> None:
    with valkey_process(tmp_path) as server, client(server.url) as redis_client:
        redis_client.set("greeting", "hello")
        redis_client.execute_command("WAITAOF", 1, 0, 0)
        killed = server.pid
        server.kill()
        server.restart()
        assert server.pid != killed
        assert redis_client.get("greeting") == "hello"


def test_it_writes_the_append_only_file_and_no_snapshot(tmp_path: Path) -> None:
    with valkey_process(tmp_path) as server, client(server.url) as redis_client:
        redis_client.set("greeting", "hello")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["appendonlydir", "valkey.log"]


def test_only_this_machine_can_reach_it(tmp_path: Path) -> None:
    with valkey_process(tmp_path) as server:
        listening = [c for c in psutil.Process(server.pid).net_connections() if c.status == psutil.CONN_LISTEN]
        assert {connection.laddr.ip for connection in listening} == {"127.0.0.1"}


async def test_nobody_answers_on_a_free_port() -> None:
    assert not await valkey.answers(free_ports(1)[0])


def test_without_the_wheel_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.metadata, "files", lambda _: None)
    with pytest.raises(valkey.ValkeyMissing, match="install paygate"):
        valkey.executable()
