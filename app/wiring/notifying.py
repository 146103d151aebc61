"""`paygate notify`: the channels, put together."""

import random
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import httpx
from redis.asyncio import Redis

from app.access.vault import Vault
from app.domain.endpoints.model import Endpoint
from app.eventstore import esdb
from app.eventstore.port import EventStore
from app.notifier.claims import Claims
from app.notifier.customers.directory import Customer, CustomerDirectory
from app.notifier.deliveries import DeliveryStreams
from app.notifier.mail.sender import MAIL_SECONDS, MailSender
from app.notifier.port import Channel
from app.notifier.pump import DeliveryPump
from app.notifier.push.sender import PUSH_SECONDS, PushSender
from app.notifier.service import ChannelService, Notifier, Wishes
from app.notifier.subjects import Subjects
from app.notifier.webhooks.directory import EndpointDirectory
from app.notifier.webhooks.sender import WebhookSender, open_transport
from app.notifier.webhooks.wishes import EndpointWishes
from app.redisio import open_redis
from app.settings import Settings
from app.wiring.shared import CALL_MARGIN_SECONDS, utc_now, vault_of
from app.wiring.ways_out import destinations_of, mail_server_of, push_key_of, push_services_of
from projections.deliveries import DeliveryLog


@asynccontextmanager
async def open_notifier(settings: Settings, ready: Callable[[], None]) -> AsyncGenerator[Notifier, None]:
    """`paygate notify`."""
    async with (
        esdb.connect(settings.eventstore_uri) as store,
        open_redis(settings.redis_url) as redis,
        open_transport() as transport,
    ):
        vault, served = vault_of(settings), partial(_served, settings, store, redis, Subjects(store))
        wishes = Wishes("endpoints", EndpointWishes(store, DeliveryLog(redis)).streams_after)
        channels = [
            served(
                _webhook_channel(settings, store, vault, transport),
                settings.webhook_timeout,
                at_once=settings.webhook_concurrency,
                wishes=wishes,
            )
        ]
        push, mail = _push_channel(settings, store, vault, transport), _mail_channel(settings, store, vault)
        if push is not None:
            channels.append(served(push, PUSH_SECONDS))
        if mail is not None:
            channels.append(served(mail, MAIL_SECONDS))
        yield Notifier(channels, ready)


def _served(
    settings: Settings,
    store: EventStore,
    redis: Redis,
    subjects: Subjects,
    channel: Channel[Any],
    seconds: float,
    *,
    at_once: int = 1,
    wishes: Wishes | None = None,
) -> ChannelService:
    """A channel one of whose attempts takes `seconds` at most, and `at_once` of whose messages a target gets."""
    log, claims = DeliveryLog(redis), Claims(redis, seconds + CALL_MARGIN_SECONDS)
    pump = DeliveryPump(subjects, DeliveryStreams(store), channel, log, utc_now, random.random, claims)
    return ChannelService(store, log, pump, at_once, settings.notifier_interval, wishes=wishes)


def _webhook_channel(
    settings: Settings, store: EventStore, vault: Vault, transport: httpx.AsyncBaseTransport
) -> Channel[Endpoint]:
    timeout = settings.webhook_timeout
    sender = WebhookSender(transport, destinations_of(settings), vault, settings.public_url, utc_now, timeout)
    return Channel("webhook", EndpointDirectory(store), sender)


def _push_channel(
    settings: Settings, store: EventStore, vault: Vault, transport: httpx.AsyncBaseTransport
) -> Channel[Customer] | None:
    key = push_key_of(settings)
    if key is None:
        return None
    sender = PushSender(transport, push_services_of(settings), key, settings.public_url, utc_now)
    return Channel("push", CustomerDirectory(store, vault, lambda contacts: contacts.by_push), sender)


def _mail_channel(settings: Settings, store: EventStore, vault: Vault) -> Channel[Customer] | None:
    server = mail_server_of(settings)
    if server is None or settings.mail_from is None:
        return None
    sender = MailSender(server, settings.mail_from, settings.public_url)
    return Channel("mail", CustomerDirectory(store, vault, lambda contacts: contacts.by_mail), sender)
