"""A supervisor of processes: order, readiness, output, restarts, and an end that leaves nothing behind.

It knows nothing of what it runs. `child` describes a process, `readiness` says when it serves, `process` is one run of
it, `keeper` keeps it running, `supervisor` does so for all, in order.
"""

from app.laptop.supervisor.backoff import Backoff
from app.laptop.supervisor.child import Child, ChildFailed
from app.laptop.supervisor.console import Console
from app.laptop.supervisor.supervisor import Supervisor

__all__ = ["Backoff", "Child", "ChildFailed", "Console", "Supervisor"]
