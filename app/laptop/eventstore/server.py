"""The server: the store, the services, the port, from start to graceful stop."""

import asyncio
import logging
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import grpc

from .errors import CertificateUnusable, PortTaken
from .options import EventStoreOptions
from .persistent.registry import PersistentSubscriptions
from .projector import Projector
from .storage.lock import FolderLock
from .store import Store
from .user_projections import UserProjections
from .verification import verify
from .wire.authentication import BasicAuthentication
from .wire.features import add_features
from .wire.gossip import GossipService, add_gossip
from .wire.health import HealthService, add_health
from .wire.persistent import PersistentSubscriptionsService, add_persistent_subscriptions
from .wire.projections import ProjectionsService, add_projections
from .wire.streams import StreamsService, add_streams

__all__ = ["EventStoreOptions", "serve", "verify"]

_log = logging.getLogger(__name__)

_EVERY_ADDRESS: Final = frozenset({"0.0.0.0", "::", ""})  # noqa: S104 - compared with, not bound to
_MAX_MESSAGE: Final = 16 * 1024 * 1024 - 10_000

# Without the lenient ping policy, gRPC throws out a client that holds an idle subscription and pings every 10 s.
CHANNEL_OPTIONS: Final = (
    ("grpc.max_receive_message_length", _MAX_MESSAGE),
    ("grpc.max_send_message_length", -1),
    ("grpc.http2.max_ping_strikes", 0),
    ("grpc.http2.min_ping_interval_without_data_ms", 1_000),
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.so_reuseport", 0),
)


async def serve(options: EventStoreOptions, *, ready: Callable[[int], None] | None = None) -> None:
    """Run until cancelled, then stop gracefully. Calls ``ready`` with the port once it listens.

    Raises a StartError, whose message says what to do, if it cannot start.
    """
    async with (
        _folder(options) as folder,
        _open_store(folder, options) as store,
        _run_projector(store, options.projection_lag_ms) as projector,
        _run_groups(store) as groups,
    ):
        server, port = _listen(options, store, groups, projector)
        try:
            await server.start()
            if ready is not None:
                ready(port)
            await server.wait_for_termination()
        finally:
            # Subscriptions end with UNAVAILABLE, which tells their clients to connect again.
            store.notices.stop()
            await groups.stop()
            await server.stop(options.stop_grace)


@asynccontextmanager
async def _folder(options: EventStoreOptions) -> AsyncIterator[Path]:
    if options.in_memory:
        # SQLite cannot share a database in memory between a writer and readers without their locking each other
        # out; a folder that is never synced and removed at the end comes to the same.
        folder = Path(tempfile.mkdtemp(prefix="eventstore-"))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return
    lock = FolderLock(options.data)
    await asyncio.to_thread(lock.acquire)
    try:
        yield options.data
    finally:
        lock.release()


@asynccontextmanager
async def _open_store(folder: Path, options: EventStoreOptions) -> AsyncIterator[Store]:
    store = await Store.open(folder, "nothing" if options.in_memory else options.durability)
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def _run_projector(store: Store, lag_ms: int) -> AsyncIterator[Projector]:
    projector = Projector(store, lag_ms)
    await projector.start()
    try:
        yield projector
    finally:
        await projector.stop()


@asynccontextmanager
async def _run_groups(store: Store) -> AsyncIterator[PersistentSubscriptions]:
    groups = PersistentSubscriptions(store)
    await groups.start()
    try:
        yield groups
    finally:
        await groups.stop()


def _listen(
    options: EventStoreOptions, store: Store, groups: PersistentSubscriptions, projector: Projector
) -> tuple[grpc.aio.Server, int]:
    interceptors = (BasicAuthentication(options.users),) if options.users else ()
    server = grpc.aio.server(options=CHANNEL_OPTIONS, interceptors=interceptors)
    port = _bind(server, options)
    add_streams(server, StreamsService(store, options.limits))
    add_persistent_subscriptions(server, PersistentSubscriptionsService(groups))
    add_projections(server, ProjectionsService(projector, UserProjections(store)))
    add_gossip(server, GossipService(_advertised_host(options), options.advertise_port or port))
    add_features(server)
    add_health(server, HealthService(store.notices))
    return server, port


def _bind(server: grpc.aio.Server, options: EventStoreOptions) -> int:
    host = f"[{options.host}]" if ":" in options.host else options.host
    address = f"{host}:{options.port}"
    credentials = _credentials(options)
    try:
        if credentials is None:
            return server.add_insecure_port(address)
        return server.add_secure_port(address, credentials)
    except RuntimeError as error:
        raise PortTaken(options.host, options.port) from error


def _credentials(options: EventStoreOptions) -> grpc.ServerCredentials | None:
    if options.certificate is None and options.key is None:
        return None
    if options.certificate is None or options.key is None:
        raise CertificateUnusable("one of the two is missing")
    try:
        certificate, key = options.certificate.read_bytes(), options.key.read_bytes()
    except OSError as error:
        raise CertificateUnusable(str(error)) from error
    return grpc.ssl_server_credentials([(key, certificate)])


def _advertised_host(options: EventStoreOptions) -> str:
    """Return what clients are told to connect to; an address that stands for all of a machine's is of no use."""
    if options.advertise_host is not None:
        return options.advertise_host
    return "localhost" if options.host in _EVERY_ADDRESS else options.host
