"""A process with a nursery, told by its input what to start; and what it starts, which says what it is."""

import asyncio
import atexit
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from app.laptop import lifeline, nursery
from app.laptop.supervisor.start import Descriptors, Running

PROGRAM = (sys.executable, __file__)
BEHIND = {"LC_CTYPE", "PATH", "PYTHONPATH"}
"""What Python, or whoever wants to start one, needs besides."""


def main() -> None:
    """What is started."""
    word, *rest = sys.argv[1:]
    if word == "parent":
        be_parent(*rest)
        return
    line = lifeline._inherited()
    said = {
        "words": sys.argv[1:],
        "environment": {name: value for name, value in os.environ.items() if name not in BEHIND},
        "leads": os.getsid(0) == os.getpid(),
        "parent": os.getppid(),
        "input": sys.stdin.read(),
        # Less the one by which they are listed.
        "descriptors": len(list(Path("/proc/self/fd").iterdir())) - 1,
    }
    assert line is not None
    sys.stderr.write("born\n")
    sys.stdout.write(json.dumps(said) + "\n")
    if word == "end":
        sys.exit(int(rest[0]) if rest else None)
    if word == "complain":
        atexit.register(lambda: sys.stderr.write("tidied up\n"))
        sys.exit("it went wrong")
    if word == "break":
        raise RuntimeError("broken")
    if word == "orphan":
        os.kill(parent := os.getppid(), 9)
        while os.getppid() == parent:
            os.sched_yield()
        sys.stderr.write("still there\n")
    if word == "die":
        os.kill(os.getpid(), 9)
    if word == "terminate":
        os.kill(os.getpid(), 15)


def be_parent(patience: str, *modules: str) -> None:
    with nursery.opened(modules, PROGRAM, main, answer_seconds=float(patience)) as born:
        assert born is not None
        asyncio.run(born.ready())
        # The only child there is.
        say(int(Path(f"/proc/self/task/{os.getpid()}/children").read_text()))
        for line in sys.stdin:
            words, environment = json.loads(line)
            say(started(born, words, environment))


def started(born: nursery.Nursery, words: list[str], environment: dict[str, str]) -> dict[str, Any]:
    behind = {name: os.environ[name] for name in BEHIND if name in os.environ}
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors, lifeline.held() as line:
        kept = os.open(os.devnull, os.O_RDONLY)
        descriptors = Descriptors(output.fileno(), errors.fileno(), line, (kept,))
        process: Running = born.start((*PROGRAM, *words), behind | environment, descriptors)
        os.close(kept)
        status = process.wait()
        output.seek(0)
        errors.seek(0)
        said: dict[str, Any] = json.loads(output.read())
        return said | {"status": status, "complained": errors.read().decode()}


def say(what: object) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
