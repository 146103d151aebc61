"""The Projections service: the system projections at work, users' definitions at rest."""

from collections.abc import AsyncIterator
from typing import Any, Final
from uuid import uuid4

import grpc
from esdbclient.protos.Grpc import projections_pb2, projections_pb2_grpc
from google.protobuf import struct_pb2

from app.laptop.eventstore.errors import HandlerFault, ProjectionCannotRun, ProjectionRefused
from app.laptop.eventstore.projector import Projector
from app.laptop.eventstore.system_projections import SystemProjection
from app.laptop.eventstore.user_projections import UserProjection, UserProjections

from .status import Context, reporting

Details = projections_pb2.StatisticsResp.Details

_SYSTEM: Final = {projection.title: projection for projection in SystemProjection}
_DONE: Final = 100.0
_NEVER_RAN: Final = -1.0


class ProjectionsService(projections_pb2_grpc.ProjectionsServicer):
    """Translates calls on projections."""

    def __init__(self, projector: Projector, users: UserProjections) -> None:
        self._projector = projector
        self._users = users

    async def Create(self, request: projections_pb2.CreateReq, context: Context) -> Any:  # noqa: N802 - the protocol's name
        """Keep a definition."""
        async with reporting(context):
            await self._users.create(_definition(request.options))
            return projections_pb2.CreateResp()

    async def Update(self, request: projections_pb2.UpdateReq, context: Context) -> Any:  # noqa: N802 - as above
        """Change a definition."""
        async with reporting(context):
            options = request.options
            emit = options.emit_enabled if options.WhichOneof("emit_option") == "emit_enabled" else None
            if options.name in _SYSTEM:
                raise ProjectionRefused
            await self._users.update(options.name, options.query, emit)
            return projections_pb2.UpdateResp()

    async def Delete(self, request: projections_pb2.DeleteReq, context: Context) -> Any:  # noqa: N802 - as above
        """Forget a definition."""
        async with reporting(context):
            if request.options.name in _SYSTEM:
                raise ProjectionRefused
            await self._users.delete(request.options.name)
            return projections_pb2.DeleteResp()

    async def Enable(self, request: projections_pb2.EnableReq, context: Context) -> Any:  # noqa: N802 - as above
        """Start a system projection; it has caught up when this is answered."""
        async with reporting(context):
            name = request.options.name
            if name not in _SYSTEM:
                await self._users.get(name)
                raise ProjectionCannotRun(name)
            await self._projector.switch(_SYSTEM[name], running=True)
            return projections_pb2.EnableResp()

    async def Disable(self, request: projections_pb2.DisableReq, context: Context) -> Any:  # noqa: N802 - as above
        """Stop a system projection."""
        async with reporting(context):
            name = request.options.name
            if name in _SYSTEM:
                await self._projector.switch(_SYSTEM[name], running=False)
            else:
                await self._users.get(name)
            return projections_pb2.DisableResp()

    async def Reset(self, request: projections_pb2.ResetReq, context: Context) -> Any:  # noqa: N802 - as above
        """Do nothing: what a system projection has written, it would write again just so."""
        async with reporting(context):
            await self._check(request.options.name)
            return projections_pb2.ResetResp()

    async def State(self, request: projections_pb2.StateReq, context: Context) -> Any:  # noqa: N802 - as above
        """Return the state, which is empty."""
        async with reporting(context):
            await self._check(request.options.name)
            return projections_pb2.StateResp(state=struct_pb2.Value(struct_value=struct_pb2.Struct()))

    async def Result(self, request: projections_pb2.ResultReq, context: Context) -> Any:  # noqa: N802 - as above
        """Return the result, which is empty."""
        async with reporting(context):
            await self._check(request.options.name)
            return projections_pb2.ResultResp(result=struct_pb2.Value(struct_value=struct_pb2.Struct()))

    async def RestartSubsystem(self, request: Any, context: Context) -> Any:  # noqa: N802 - as above
        """Do nothing: nothing is held in memory that a restart would renew."""
        async with reporting(context):
            return request

    async def Statistics(self, request: projections_pb2.StatisticsReq, context: Context) -> None:  # noqa: N802 - as above
        """Describe one projection, or all of a kind."""
        async with reporting(context):
            async for details in self._statistics(request.options):
                await context.write(projections_pb2.StatisticsResp(details=details))

    async def _check(self, name: str) -> None:
        if name not in _SYSTEM:
            await self._users.get(name)

    async def _statistics(self, options: projections_pb2.StatisticsReq.Options) -> AsyncIterator[Details]:
        asked = options.WhichOneof("mode")
        if asked == "name":
            yield await self._describe(options.name)
            return
        modes = {"continuous": "Continuous", "one_time": "OneTime", "transient": "Transient"}
        for name in [*_SYSTEM, *(user.name for user in await self._users.every())]:
            details = await self._describe(name)
            if asked in {"all", None} or details.mode == modes[str(asked)]:
                yield details

    async def _describe(self, name: str) -> Details:
        if name not in _SYSTEM:
            user = await self._users.get(name)
            return Details(
                name=name,
                effectiveName=name,
                status="Stopped",
                mode=user.mode,
                progress=_NEVER_RAN,
                version=user.version,
            )
        progress = await self._projector.progress(_SYSTEM[name])
        return Details(
            name=name,
            effectiveName=name,
            status="Running" if progress.running else "Stopped",
            mode="Continuous",
            progress=_DONE,
            position="" if progress.position is None else f"C:{progress.position}/P:{progress.position}",
        )


def add_projections(server: grpc.aio.Server, service: ProjectionsService) -> None:
    """Register the service."""
    add: Any = projections_pb2_grpc.add_ProjectionsServicer_to_server
    add(service, server)


def _definition(options: projections_pb2.CreateReq.Options) -> UserProjection:
    match options.WhichOneof("mode"):
        case "continuous":
            chosen = options.continuous
            if chosen.track_emitted_streams and not chosen.emit_enabled:
                raise HandlerFault("what is not emitted cannot be tracked")
            return UserProjection(
                chosen.name, options.query, "Continuous", chosen.emit_enabled, chosen.track_emitted_streams
            )
        case "transient":
            return UserProjection(options.transient.name, options.query, "Transient")
        case _:
            return UserProjection(str(uuid4()), options.query, "OneTime")
