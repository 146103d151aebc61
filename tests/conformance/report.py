"""Writes docs/conformance.md about a paygate started for it: `python -m tests.conformance.report`."""

import asyncio
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from app import audit
from tests.conformance.node_clients import NodeClients
from tests.support.stack import running_stack

FILE = Path(__file__).parent.parent.parent / "docs" / "conformance.md"

_INTRODUCTION = """\
What `paygate audit` says of paygate itself, and what other people's audits say. Written by
`python -m tests.conformance.report`; a test compares this file with what is found out when it runs.

The texts of `graphql-transport-ws` and GraphQL over SSE state what a server "will" do and seldom say MUST: what they
state is a MUST here; what their reference servers do beyond the text is a SHOULD."""


@dataclass(frozen=True, slots=True)
class NodeAudit:
    """What npm's graphql-http says."""

    version: str
    results: list[dict[str, Any]]

    @classmethod
    def of(cls, node: NodeClients, url: str) -> "NodeAudit":
        """Run it against a server."""
        return cls(node.versions["graphql-http"], node.said("audit.mjs", url))

    @property
    def faults(self) -> list[dict[str, Any]]:
        """All that is not ok."""
        return [result for result in self.results if result["status"] != "ok"]

    def markdown(self) -> str:
        """Its counts, and each fault."""
        counts = Counter(result["status"] for result in self.results)
        lines = [f"## npm graphql-http {self.version}", "", f"{counts['ok']} of {len(self.results)} audits are ok."]
        lines += [f"- `{fault['id']}` {fault['name']}: {json.dumps(fault['reason'])}" for fault in self.faults]
        return "\n".join(lines) + "\n"


def document(report: audit.Report, node_audit: NodeAudit) -> str:
    """The whole file."""
    heading, _, rest = audit.as_markdown(report).partition("\n")
    return f"{heading}\n\n{_INTRODUCTION}\n{rest}\n{node_audit.markdown()}"


def main() -> None:
    """Start, audit, write, stop."""
    with TemporaryDirectory() as folder:
        node_folder = Path(folder, "node")
        node_folder.mkdir()
        node = NodeClients.installed(node_folder)
        with running_stack(Path(folder)) as stack:
            report = asyncio.run(audit.audit(stack.url, audit.Options(scenario=audit.PAYGATE)))
            FILE.write_text(document(report, NodeAudit.of(node, stack.url)), "utf-8")


if __name__ == "__main__":
    main()
