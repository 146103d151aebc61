"""The commands of whoever sees to it that the money is right: docs/reconciliation.md."""

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from app.commands import fail, outcome_or_exit, settings_or_exit
from app.settings import Settings


def reconcile(
    everything: Annotated[
        bool, typer.Option("--all", help="look at every payment in the event store, not only at what is due")
    ] = False,
    payment: Annotated[
        list[str] | None, typer.Option(help="ask about this payment, even if it has ended; may be given several times")
    ] = None,
    report: Annotated[
        bool, typer.Option("--report", help="change nothing: compare streams, read model and providers' own records")
    ] = False,
    day: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="with --report: the day in UTC; today if not given")
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="with --report: write it there as JSON")] = None,
    settle: Annotated[
        float, typer.Option(min=0, help="with --report: seconds after which what differs is looked at again")
    ] = 2.0,
) -> None:
    """Ask the providers now about payments whose outcome is unknown or overdue; the processor does it on a schedule."""
    from rich.console import Console
    from rich.table import Table

    from app.processor.reconcile import Asked, summary
    from app.wiring.processing import open_reconciliation

    settings = settings_or_exit(log_to=sys.stderr)
    if report:
        _report(settings, day, json_file, settle)
    if day or json_file:
        fail("--day and --json: only with --report")

    async def run() -> list[Asked]:
        async with open_reconciliation(settings) as reconciliation:
            return await (reconciliation.ask(payment) if payment else reconciliation.run(everything=everything))

    asked = outcome_or_exit(run())
    table = Table("payment", "before", "after", "fault")
    for each in asked:
        if each.moved or each.fault:
            table.add_row(each.payment_id, each.before, each.after, each.fault or "")
    if table.row_count:
        Console().print(table)
    counts = summary(asked)
    typer.echo(", ".join(f"{count} {what}" for what, count in counts.items()) or "nothing is open")
    raise typer.Exit(1 if counts["could not be asked"] else 0)


def _report(settings: Settings, day: datetime | None, json_file: Path | None, settle: float) -> NoReturn:
    from rich.console import Console

    from app.reconciling.model import Report
    from app.reconciling.rendering import as_json, as_text
    from app.wiring.reporting import open_report
    from app.wiring.shared import utc_now

    async def run() -> Report:
        async with open_report(settings, settle) as reporting:
            return await reporting.run((day or utc_now()).date())

    found = outcome_or_exit(run())
    # Commands in it are there to be copied.
    Console(soft_wrap=True, highlight=False).print(as_text(found))
    if json_file is not None:
        json_file.write_text(as_json(found), "utf-8")
    raise typer.Exit(1 if found.differences else 0)


def replay(
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="these payments and orders only")] = None,
) -> None:
    """Write the read model anew from the streams, while everything goes on: of some payments and orders, or of all."""
    from rich.console import Console
    from rich.progress import Progress

    from app.wiring.projecting import open_rebuilding
    from projections.names import topic_of
    from projections.whole import UnreadableStream

    settings = settings_or_exit(log_to=sys.stderr)

    async def run() -> tuple[int, list[str]]:
        rebuilt, faults = 0, list[str]()
        async with open_rebuilding(settings) as rebuilding:
            topics = [topic_of(one) for one in ids] if ids else [topic async for topic in rebuilding.topics()]
            console = Console(stderr=True)
            with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
                for topic in progress.track(topics, description="payments and orders"):
                    try:
                        rebuilt += await rebuilding.rebuild(topic)
                    except UnreadableStream as fault:
                        faults.append(f"{topic.id}: {fault}")
        return rebuilt, faults

    rebuilt, faults = outcome_or_exit(run())
    for fault in faults:
        typer.echo(fault, err=True)
    typer.echo(f"{rebuilt} written anew")
    raise typer.Exit(1 if faults else 0)


transfers = typer.Typer(
    help="Bank transfers that name no payment: list them, assign them.", invoke_without_command=True
)


@transfers.callback()
def list_transfers(
    context: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="show those that are assigned, too")] = False,
) -> None:
    """List the bank transfers that name no payment and were not assigned to one."""
    if context.invoked_subcommand is not None:
        return
    from rich.console import Console

    from app.reconciling.rendering import transfers_table
    from app.webhooks.assigning import KeptTransfer, Progress
    from app.wiring.assigning import open_assigning

    settings = settings_or_exit(log_to=sys.stderr)

    async def run() -> list[KeptTransfer]:
        async with open_assigning(settings) as assigning:
            return await assigning.transfers()

    shown = [each for each in outcome_or_exit(run()) if everything or each.progress is not Progress.ASSIGNED]
    if shown:
        Console(soft_wrap=True).print(transfers_table(shown))
    else:
        typer.echo("no transfer waits to be assigned")


@transfers.command("assign")
def assign_transfer(
    transfer: Annotated[str, typer.Argument(help="its name in the list, or the bank's own reference")],
    payment: Annotated[str, typer.Argument(help="id of the payment it is for")],
    by: Annotated[str, typer.Option(help="who says so")],
) -> None:
    """Give a bank transfer to the payment it is for; to run it again changes nothing."""
    from app.webhooks.assigning import KeptTransfer, NotAssigned
    from app.wiring.assigning import open_assigning

    settings = settings_or_exit(log_to=sys.stderr)

    async def run() -> KeptTransfer:
        async with open_assigning(settings) as assigning:
            return await assigning.assign(transfer, payment, by)

    try:
        assigned = outcome_or_exit(run())
    except NotAssigned as refusal:
        fail(str(refusal))
    typer.echo(f"{assigned.money} ({assigned.reference}) are assigned to {payment}")


@transfers.command("find")
def find_transfers(
    day: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="the day in UTC; today if not given")
    ] = None,
) -> None:
    """Look in the bank's own list for transfers that nobody told of, and keep those that name no payment."""
    from app.providers.registry import open_providers
    from app.reconciling.reporting import day_of
    from app.webhooks.assigning import NotAssigned
    from app.wiring.assigning import open_assigning
    from app.wiring.shared import utc_now

    settings = settings_or_exit(log_to=sys.stderr)

    async def run() -> int:
        async with open_assigning(settings) as assigning, open_providers(settings, utc_now) as providers:
            return await assigning.find(providers, day_of((day or utc_now()).date()))

    try:
        found = outcome_or_exit(run())
    except NotAssigned as refusal:
        fail(str(refusal))
    typer.echo(f"{found} found; `paygate transfers` lists them" if found else "nothing new")
