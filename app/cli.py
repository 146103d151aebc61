"""The `paygate` command. Each process takes its settings from the environment alone."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from app import operating
from app.commands import fail as _fail
from app.commands import limits_or_exit as _limits
from app.commands import settings_or_exit as _settings
from app.laptop import lifeline
from app.running import begin_start, run_to_end, run_until_stopped
from app.settings import Profile, SettingsError, variable

cli = typer.Typer(
    help="A real-time payment status gateway.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def main() -> None:
    """The entry point."""
    begin_start()
    lifeline.watch()
    cli()


def _say_ready(name: str) -> Callable[[], None]:
    return lambda: typer.echo(f"{name} ready")


_OF_A_STACK = (
    "app.laptop.eventstore.server",
    "app.laptop.sandbox.server",
    "app.wiring.projecting",
    "app.wiring.processing",
    "app.wiring.notifying",
    "app.web.server",
    "app.wiring.gateway",
)
"""What the processes of `paygate dev` import."""


@cli.command()
def dev() -> None:
    """Run everything on this machine, with nothing installed beforehand."""
    from app.laptop import nursery
    from app.laptop.children import PAYGATE

    settings = _settings(profile=Profile.DEV)
    _limits()
    if "drain_seconds" not in settings.model_fields_set:
        # Whoever presses Ctrl-C on a laptop does not want to wait.
        settings = _settings(profile=Profile.DEV, drain_seconds=0.5)
    with nursery.opened(_OF_A_STACK, PAYGATE, main) as born:
        from app.laptop.stack import run_stack

        raise typer.Exit(run_to_end(run_stack(settings, PAYGATE, born)))


@cli.command()
def serve() -> None:
    """Run the gateway: GraphQL over HTTP and WebSocket, health, web pages."""
    from app.web.server import run_gateway
    from app.web.workers import WorkerFailed
    from app.wiring.gateway import access_options, channels_of, executor_of

    settings, limits = _settings(), _limits()
    try:
        access_options(settings)
        executor_of(settings, limits)
        channels_of(settings)
    except SettingsError as fault:
        _fail(str(fault))
    try:
        run_gateway(settings)
    except OSError as fault:
        _fail(f"the gateway cannot listen on {settings.host}:{settings.port}: {fault.strerror} (set PAYGATE_PORT)")
    except WorkerFailed as fault:
        _fail(str(fault))


@cli.command()
def project() -> None:
    """Run the projection service: streams to read model and live updates."""
    from app.wiring.projecting import open_projection

    settings = _settings()

    async def run() -> None:
        async with open_projection(settings, _say_ready("projection")) as projection:
            await projection.run()

    run_until_stopped(run())


@cli.command()
def process() -> None:
    """Run the processor: bring payments forward by calling their providers."""
    from app.wiring.processing import open_processor

    settings = _settings()

    async def run() -> None:
        async with open_processor(settings, _say_ready("processor")) as processor:
            await processor.run()

    try:
        run_until_stopped(run())
    except SettingsError as fault:
        _fail(str(fault))


@cli.command()
def notify() -> None:
    """Run the notifier: tell merchants' servers, by signed webhooks, what happens to payments and orders."""
    from app.wiring.notifying import open_notifier

    settings = _settings()

    async def run() -> None:
        async with open_notifier(settings, _say_ready("notifier")) as notifier:
            await notifier.run()

    try:
        run_until_stopped(run())
    except SettingsError as fault:
        _fail(str(fault))


cli.command()(operating.reconcile)
cli.command()(operating.replay)
cli.add_typer(operating.transfers, name="transfers")


eventstore = typer.Typer(
    help="Run the embedded event store alone: an EventStoreDB-compatible gRPC server.", invoke_without_command=True
)
cli.add_typer(eventstore, name="eventstore")


@eventstore.callback()
def serve_eventstore(
    context: typer.Context,
    data: Annotated[Path | None, typer.Option(help="Folder of the database.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 for any free one.")] = None,
    in_memory: Annotated[bool, typer.Option("--in-memory", help="Keep nothing after the end.")] = False,
    durability: Annotated[str, typer.Option(help="`full`: safe from power cuts; `relaxed`: from crashes.")] = "full",
) -> None:
    """Run the embedded event store alone: an EventStoreDB-compatible gRPC server."""
    if context.invoked_subcommand is not None:
        return
    from app.laptop.eventstore.errors import StartError
    from app.laptop.eventstore.server import EventStoreOptions, serve

    if durability not in ("full", "relaxed"):
        _fail(f"--durability: takes full or relaxed, not {durability}")
    settings = _settings()
    options = EventStoreOptions(
        data=data or settings.data_dir / "eventstore",
        host=settings.eventstore_host,
        port=settings.eventstore_port if port is None else port,
        in_memory=in_memory,
        durability="full" if durability == "full" else "relaxed",
    )

    def ready(bound: int) -> None:
        typer.echo(f"event store ready on esdb://{options.host}:{bound}?tls=false")

    try:
        run_until_stopped(serve(options, ready=ready))
    except StartError as fault:
        _fail(str(fault))


@eventstore.command()
def verify(data: Annotated[Path | None, typer.Option(help="Folder of the database.")] = None) -> None:
    """Check the database of an event store, also while it runs."""
    from app.laptop.eventstore.server import verify as verify_folder

    report = run_to_end(verify_folder(data or _settings().data_dir / "eventstore"))
    for fault in report.faults:
        typer.echo(fault, err=True)
    if not report.sound:
        raise typer.Exit(1)
    typer.echo(f"sound: {report.events} events in {report.streams} streams")


@cli.command()
def sandbox() -> None:
    """Run the sandbox provider: a pretend card provider over HTTP."""
    from app.laptop.sandbox.server import SandboxOptions, serve

    settings = _settings()
    options = SandboxOptions(
        data=settings.data_dir / "sandbox",
        host=settings.sandbox_host,
        port=settings.sandbox_port,
        public_url=settings.sandbox_public_url,
        notices_url=f"{settings.public_url}/webhooks",
        mail_port=settings.sandbox_mail_port,
    )

    def ready(port: int) -> None:
        typer.echo(f"sandbox ready on http://{options.host}:{port}")

    try:
        run_until_stopped(serve(options, ready=ready))
    except OSError as fault:
        _fail(
            f"the sandbox cannot listen on {options.host}:{options.port}: {fault.strerror} (set PAYGATE_SANDBOX_PORT)"
        )


@cli.command()
def inspect(id: str) -> None:  # noqa: A002 — what the user types
    """Show all that happened to one payment or order, from the event store."""
    from rich.console import Console
    from rich.table import Table

    from app.eventstore import esdb
    from app.inspecting import timeline

    settings = _settings()

    async def run() -> Table | None:
        async with esdb.connect(settings.eventstore_uri) as store:
            return await timeline(store, id)

    table = run_to_end(run())
    if table is None:
        _fail(f"there is no payment or order {id!r}")
    Console().print(table)


@cli.command()
def revoke() -> None:
    """Stop an API key or client secret from counting, on every gateway within a second."""
    from app.access.model import key_id_of
    from app.access.revocation import revoke as revoke_key
    from app.redisio import open_redis

    settings = _settings()
    # Asked for, so that it ends up in nobody's shell history.
    key_id = key_id_of(typer.prompt("the key to revoke", hide_input=True))

    async def run() -> None:
        async with open_redis(settings.redis_url) as redis:
            await revoke_key(redis, key_id)

    run_to_end(run())
    typer.echo("revoked. If it is an API key, take it out of PAYGATE_API_KEYS too.")


@cli.command()
def audit(
    url: str,
    query: Annotated[str, typer.Option(help="a query that works")] = "{ __typename }",
    scenario: Annotated[Path | None, typer.Option(help="JSON file with a subscription; else paygate's own")] = None,
    header: Annotated[list[str] | None, typer.Option(help="sent with everything: 'authorization: Bearer …'")] = None,
    init: Annotated[str | None, typer.Option(help="payload of connection_init, as JSON")] = None,
    seconds: Annotated[float, typer.Option(help="how long one rule may take")] = 15.0,
    only: Annotated[list[str] | None, typer.Option(help="only rules whose id fits, such as 'ws-*'")] = None,
    everything: Annotated[bool, typer.Option("--all", help="show the rules that are met too")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="write the report there as JSON")] = None,
    markdown_file: Annotated[Path | None, typer.Option("--markdown", help="write it there as Markdown")] = None,
) -> None:
    """Audit how any GraphQL server speaks its protocols; the exit status is 1 when a MUST is not met."""
    from rich.console import Console

    from app import audit as kit

    try:
        options = kit.Options.given(
            query=query, scenario=scenario, headers=header or (), init=init, seconds=seconds, only=only or ()
        )
        report = run_to_end(kit.audit(url, options))
    except (kit.OptionsError, kit.Unreachable) as fault:
        _fail(str(fault))
    Console().print(kit.as_table(report, everything=everything))
    for file, rendered in ((json_file, kit.as_json), (markdown_file, kit.as_markdown)):
        if file is not None:
            file.write_text(rendered(report), "utf-8")
    raise typer.Exit(not report.passed)


@cli.command()
def settings() -> None:
    """List every setting: variable, default, meaning."""
    from rich.console import Console
    from rich.table import Table

    from app.providers.registry import ALL_SETTINGS

    table = Table("variable", "default", "meaning", show_lines=False)
    for group in ALL_SETTINGS:
        for name, field in group.model_fields.items():
            default = "" if field.default is None or field.is_required() else str(field.default)
            table.add_row(variable(group, name), default, field.description or "")
    Console().print(table)


if __name__ == "__main__":
    main()
