"""Executable audits of a GraphQL server's transports, for any server with a URL: `await audit(url, options)`.

Each rule of a protocol is a small function that talks to the server and returns what it saw, or raises `NotMet`. The
package is a client like any other: it imports nothing of the gateway.
"""

from app.audit.model import Finding, Level, Protocol, Report, Unreachable, Verdict
from app.audit.options import Options, OptionsError
from app.audit.rendering import as_json, as_markdown, as_table
from app.audit.runner import RULES, audit
from app.audit.scenario import PAYGATE, Scenario, ScenarioError, Subscription, read_scenario

__all__ = [
    "PAYGATE",
    "RULES",
    "Finding",
    "Level",
    "Options",
    "OptionsError",
    "Protocol",
    "Report",
    "Scenario",
    "ScenarioError",
    "Subscription",
    "Unreachable",
    "Verdict",
    "as_json",
    "as_markdown",
    "as_table",
    "audit",
    "read_scenario",
]
