"""Children start in order, come back when they crash, and are all gone at the end."""

import asyncio
import os
import re
import signal
import time

import psutil
import pytest

from app.laptop.ports import free_ports
from app.laptop.supervisor import Backoff, ChildFailed
from app.laptop.supervisor.output import Output
from app.laptop.supervisor.readiness import accepts, says
from tests.laptop.supervisor.scene import SERVE, STUBBORN, Scene


async def test_each_starts_after_the_one_before_is_ready_and_they_end_in_reverse_order(scene: Scene) -> None:
    for name in ("first", "second", "third"):
        scene.child(name)
    async with scene.playing():
        pass
    order = [line.split(" |")[0] for line in scene.screen.getvalue().splitlines() if "ready as" in line]
    assert [name.strip() for name in order] == ["first", "second", "third"]
    farewells = [line.split("|")[0].strip() for line in scene.screen.getvalue().splitlines() if "bye" in line]
    assert farewells == ["third", "second", "first"]
    assert scene.nobody_is_left()


async def test_a_child_is_not_started_before_the_one_before_it_is_ready(scene: Scene) -> None:
    gate = asyncio.Event()

    async def gate_is_open(_output: object) -> None:
        await gate.wait()

    scene.child("first", ready=gate_is_open)
    scene.child("second")
    supervisor = scene.supervisor()
    async with asyncio.TaskGroup() as group:
        group.create_task(supervisor.run())
        await scene.screen.shows("ready as")
        assert list(scene.pids) == ["first"]
        gate.set()
        await scene.all_ready.wait()
        assert list(scene.pids) == ["first", "second"]
        supervisor.stop()


async def test_a_port_that_accepts_is_a_way_to_be_ready(scene: Scene) -> None:
    [port] = free_ports(1)
    scene.child(
        "server",
        f"import socket; s = socket.create_server(('127.0.0.1', {port}))\nwhile True: s.accept()",
        ready=accepts("127.0.0.1", port),
    )
    async with scene.playing():
        assert psutil.pid_exists(scene.pids["server"])


async def test_both_outputs_are_shown_line_by_line(scene: Scene) -> None:
    scene.child(
        "noisy",
        "import sys, os\n"
        "os.write(1, b'half a '); os.write(2, b'a complaint\\n'); os.write(1, b'line\\n')\n"
        "print('x' * 100_000)\n" + SERVE,
    )
    async with scene.playing():
        await scene.screen.shows("a complaint")
    lines = scene.lines("noisy")
    assert {"half a line", "a complaint"} < set(lines)
    assert "".join(lines).count("x") == 100_000


async def test_chatter_is_not_shown(scene: Scene) -> None:
    scene.child("talker", "print('blah blah'); print('news')\n" + SERVE, chatter=re.compile("blah"))
    async with scene.playing():
        assert scene.lines("talker")[0] == "news"


async def test_a_killed_child_comes_back_at_once_and_the_others_do_not_notice(scene: Scene) -> None:
    [port] = free_ports(1)
    listen = f"import socket; server = socket.create_server(('127.0.0.1', {port}))\n"
    scene.child("server", listen + SERVE)
    scene.child("bystander")
    async with scene.playing():
        server, bystander = scene.pids["server"], scene.pids["bystander"]
        os.kill(server, signal.SIGKILL)
        await scene.screen.shows("server is ready", times=2)
        assert scene.pids["server"] != server
        assert scene.pids["bystander"] == bystander
        await accepts("127.0.0.1", port)(Output())
    assert "server was killed by SIGKILL; it is started again now" in scene.lines("paygate")
    assert scene.nobody_is_left()


async def test_what_a_killed_child_had_started_is_gone_before_it_comes_back(scene: Scene) -> None:
    scene.child(
        "parent",
        "import subprocess, sys\n"
        "worker = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print('worker', worker.pid, flush=True)\n" + SERVE,
    )
    async with scene.playing():
        worker = psutil.Process(int((await scene.screen.shows(r"worker (\d+)"))[1]))
        os.kill(scene.pids["parent"], signal.SIGKILL)
        await scene.screen.shows("parent is ready", times=2)
        assert not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE


async def test_one_that_keeps_crashing_is_started_less_and_less_often(scene: Scene) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    scene.child("fragile", "import signal, sys; signal.signal(signal.SIGUSR1, lambda *_: sys.exit(7))\n" + SERVE)
    async with scene.playing(sleep=sleep, backoff=Backoff(shortest=100.0, longest=1000.0)):
        for times in range(1, 5):
            await scene.screen.shows("fragile is ready", times)
            os.kill(scene.pids["fragile"], signal.SIGUSR1)
        await scene.screen.shows("fragile is ready", times=5)
    assert waits[0] == 0
    assert 50 <= waits[1] <= 100 <= waits[2] <= 200 <= waits[3] <= 400
    assert scene.lines("paygate")[1] == "fragile ended with exit status 7; it is started again now"


async def test_one_that_cannot_start_ends_everything_and_says_why(scene: Scene) -> None:
    scene.child("healthy")
    scene.child("broken", "import sys; print('I looked'); sys.exit('no such database')")
    scene.child("never")
    with pytest.raises(ChildFailed) as failure:
        await scene.supervisor().run()
    message = str(failure.value)
    assert message.startswith("broken did not start: it ended with exit status 1. Its last lines:\n")
    assert "    I looked" in message
    assert "    no such database" in message
    assert scene.lines("healthy")[-1] == "bye"
    assert scene.lines("never") == []
    assert scene.nobody_is_left()


async def test_a_start_may_fail_once(scene: Scene) -> None:
    scene.child(
        "second-time-lucky",
        "import pathlib, sys; seen = pathlib.Path(__file__ + '.seen')\n"
        "if not seen.exists(): seen.touch(); sys.exit('not now')\n" + SERVE,
    )
    async with scene.playing():
        assert "not now" in scene.lines("second-time-lucky")


async def test_one_that_is_not_ready_in_time_has_failed(scene: Scene) -> None:
    scene.child("slow", "print('thinking', flush=True)\nwhile True: pass", start_timeout=0.5)
    with pytest.raises(ChildFailed, match=r"slow did not start: it was not ready in time \(0.5 s\)"):
        await scene.supervisor().run()
    assert scene.nobody_is_left()


async def test_the_stubborn_are_killed_when_their_time_is_up(scene: Scene) -> None:
    scene.child("polite")
    for number in range(3):
        scene.child(f"stubborn-{number}", STUBBORN, stop_timeout=60.0)
    async with scene.playing(stop_within=0.5):
        began = time.monotonic()
    assert time.monotonic() - began < 5.0
    assert scene.nobody_is_left()


async def test_asking_twice_kills_at_once(scene: Scene) -> None:
    scene.child("stubborn", STUBBORN, stop_timeout=60.0)
    async with scene.playing(stop_within=60.0) as supervisor:
        supervisor.stop()
        await scene.screen.shows("I will not")
    assert scene.nobody_is_left()


async def test_it_can_be_stopped_while_it_starts(scene: Scene) -> None:
    scene.child("first")
    scene.child("endless", "print('thinking', flush=True)\nwhile True: pass", ready=says("never said"))
    supervisor = scene.supervisor()
    async with asyncio.TaskGroup() as group:
        group.create_task(supervisor.run())
        await scene.screen.shows("thinking")
        supervisor.stop()
    assert not scene.all_ready.is_set()
    assert scene.nobody_is_left()


async def test_cancelling_it_leaves_nobody_behind(scene: Scene) -> None:
    scene.child("first")
    running = asyncio.create_task(scene.supervisor().run())
    await scene.all_ready.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert scene.lines("first")[-1] == "bye"
    assert scene.nobody_is_left()


async def test_children_do_not_share_the_terminal_of_the_supervisor(scene: Scene) -> None:
    scene.child("first")
    async with scene.playing():
        assert os.getsid(scene.pids["first"]) == scene.pids["first"] != os.getsid(0)
