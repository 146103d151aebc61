"""The processes of `paygate dev`, in the order they start."""

import functools
import sys

import httpx

from app.laptop import lifeline, valkey
from app.laptop.environment import environment_with
from app.laptop.folder import DataFolder
from app.laptop.plan import Plan, address, reachable
from app.laptop.sandbox.simulators import environment as simulated
from app.laptop.supervisor import Child
from app.laptop.supervisor.child import Ready
from app.laptop.supervisor.output import Output
from app.laptop.supervisor.readiness import accepts, says, until
from app.laptop.supervisor.start import Command, Start, executed

PAYGATE: Command = (sys.executable, "-m", "app.cli")
_START_SECONDS = 60.0


def children(plan: Plan, folder: DataFolder, paygate: Command = PAYGATE, start: Start = executed) -> list[Child]:
    """Each needs only those before it.

    `paygate` is the command line that the names of commands are added to, and `start` starts what comes of it.
    """
    settings, ports = plan.settings, plan.ports
    environment = environment_with(settings)
    if plan.starts("sandbox"):
        # What the user has set comes before what points at the simulated providers.
        environment = simulated(settings.sandbox_url) | environment

    def own(name: str, command: str, ready: Ready) -> Child:
        return Child(name, (*paygate, command), environment, ready, start_timeout=_START_SECONDS, start=start)

    found: list[Child] = []
    if plan.starts("eventstore"):
        folder.make("eventstore")
        found.append(own("eventstore", "eventstore", accepts(reachable(settings.eventstore_host), ports["eventstore"])))
    if plan.starts("valkey"):
        command = lifeline.guarded(valkey.command(folder.make("valkey"), ports["valkey"]))
        ready = until(functools.partial(valkey.answers, ports["valkey"]))
        found.append(Child("valkey", command, environment, ready, chatter=valkey.CHATTER))
    if plan.starts("sandbox"):
        folder.make("sandbox")
        found.append(own("sandbox", "sandbox", accepts(reachable(settings.sandbox_host), ports["sandbox"])))
    found.append(own("projection", "project", says(r"\bready\b")))
    found.append(own("processor", "process", says(r"\bready\b")))
    found.append(own("notifier", "notify", says(r"\bready\b")))
    found.append(own("gateway", "serve", _healthy(f"http://{address(settings.host, ports['gateway'])}/health/ready")))
    return found


def _healthy(url: str) -> Ready:
    async def ready(output: Output) -> None:
        # Not by way of a proxy that the environment may name.
        async with httpx.AsyncClient(trust_env=False) as client:
            await until(functools.partial(_is_ok, client, url))(output)

    return ready


async def _is_ok(client: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await client.get(url)).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False
