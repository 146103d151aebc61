"""Keys of tokens over real HTTP, and revocation through a real Valkey."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from uuid import uuid4

import pytest
import structlog.testing
from pydantic import SecretStr
from redis.asyncio import Redis

import app.access.jwks as fetching
from app.access.authenticator import Authenticator
from app.access.jwks import FetchedKeys, Pace
from app.access.model import MerchantCaller, Unauthenticated, key_id_of
from app.access.options import AccessOptions
from app.access.revocation import CHANNEL, DECISIONS_KEY, Revocations, restore, revoke
from app.access.tokens import Tokens
from app.access.vault import Vault
from app.live.feed import Feed
from app.redisio import open_redis
from tests.integration.freezing import frozen
from tests.providers.rogue_server import (
    Behaviour,
    answers,
    hangs_up,
    http,
    in_turn,
    never_answers,
    resets,
    rogue_server,
)
from tests.support.valkey_process import ValkeyProcess
from tests.support.waiting import eventually
from tests.unit.access.minting import (
    AUDIENCE,
    ISSUER,
    RULES,
    by_key,
    clock,
    ec_key,
    jwks,
    public_jwk,
    rsa_key,
)

OLD, NEW = public_jwk(rsa_key("old"), "old"), public_jwk(ec_key("new"), "new")
BRISK = Pace(rest=0.02, rest_without_keys=0.02, refresh=0.1)
HUGE = json.dumps({"keys": [NEW], "padding": "x" * 300_000}).encode()
CHUNK = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"


def shows(*members: object) -> Behaviour:
    return answers(http(200, jwks(*members)))


async def goes_on_forever(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(CHUNK)
        await writer.drain()


async def drips(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.01)


FAILURES: dict[str, Behaviour] = {
    "an error": answers(http(500, jwks(NEW))),
    "a redirect": answers(http(302, jwks(NEW), "Location: http://127.0.0.1:1/")),
    "no JSON": answers(http(200, b"<html>")),
    "no JWKS": answers(http(200, b'{"jwks": []}')),
    "no keys": shows(),
    "no key of use": shows({"kty": "oct", "kid": "new", "k": "c2VjcmV0"}),
    "too much": answers(http(200, HUGE)),
    "too much packed small": answers(http(200, gzip.compress(HUGE), "Content-Encoding: gzip")),
    "no end": goes_on_forever,
    "no answer": never_answers,
    "an answer drop by drop": drips,
    "half an answer": answers(http(200, jwks(NEW))[:-20]),
    "no HTTP": answers(b"\x00\xff\r\n\r\n"),
    "a closed connection": hangs_up,
    "a reset connection": resets,
}


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "_FETCH_SECONDS", 0.2)


async def knows(keys: FetchedKeys, kid: str) -> bool:
    return await keys.key(kid) is not None


async def test_the_first_token_waits_for_the_first_fetch() -> None:
    async with rogue_server(shows(OLD, NEW)) as issuer, FetchedKeys.open(issuer.url) as keys:
        tokens = Tokens(keys, RULES, clock)
        callers = await asyncio.gather(
            *(tokens.caller(by_key(rsa_key("old"), "old")) for _ in range(20)),
            *(tokens.caller(by_key(ec_key("new"), "new")) for _ in range(20)),
        )
        assert {caller.merchant_id for caller in callers} == {"acme"}
        assert issuer.requests == 1


async def test_ten_thousand_unknown_key_ids_cause_no_fetch_within_the_minute() -> None:
    async with rogue_server(shows(OLD)) as issuer, FetchedKeys.open(issuer.url) as keys:
        known = await asyncio.gather(*(keys.key(uuid4().hex) for _ in range(5_000)))
        for _ in range(5_000):
            known.append(await keys.key(uuid4().hex))
        assert known == [None] * 10_000
        assert await knows(keys, "old")
        assert issuer.requests == 1


async def test_a_flood_of_unknown_key_ids_after_the_rest_shares_one_fetch() -> None:
    async with (
        rogue_server(shows(OLD)) as issuer,
        FetchedKeys.open(issuer.url, Pace(rest=0.0, refresh=3600)) as keys,
    ):
        await eventually(lambda: knows(keys, "old"), what="the first fetch")
        before = issuer.requests
        # All of them ask before the one fetch that they cause has an answer.
        assert await asyncio.gather(*(keys.key(uuid4().hex) for _ in range(1_000))) == [None] * 1_000
        assert issuer.requests <= before + 1


async def test_after_the_rest_a_new_key_is_looked_for_before_its_token_is_refused() -> None:
    async with (
        rogue_server(in_turn(shows(OLD), shows(OLD, NEW))) as issuer,
        FetchedKeys.open(issuer.url, Pace(rest=0.0, refresh=3600)) as keys,
    ):
        assert await knows(keys, "old")

        async def rested() -> bool:
            return not keys._resting.is_set()

        await eventually(rested, what="the end of the rest")
        assert await knows(keys, "new")
        assert issuer.requests == 2


async def test_a_key_that_the_issuer_takes_up_is_found_and_one_that_it_withdraws_is_forgotten() -> None:
    async with (
        rogue_server(in_turn(shows(OLD), shows(OLD, NEW), shows(NEW))) as issuer,
        FetchedKeys.open(issuer.url, BRISK) as keys,
    ):
        assert await knows(keys, "old")
        await eventually(lambda: knows(keys, "new"), what="the key that was taken up")

        async def forgotten() -> bool:
            return not await knows(keys, "old")

        await eventually(forgotten, what="the end of the key that was withdrawn")
        assert await knows(keys, "new")


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES.keys())
async def test_keys_that_are_known_stay_when_they_cannot_be_fetched_again(failure: Behaviour) -> None:
    async with (
        rogue_server(in_turn(shows(OLD), failure)) as issuer,
        FetchedKeys.open(issuer.url, Pace(rest=0.0, refresh=0.0)) as keys,
    ):
        assert await knows(keys, "old")

        async def failed_once() -> bool:
            return issuer.requests >= 3

        await eventually(failed_once, what="the fetch after one that failed")
        assert await knows(keys, "old")
        assert not await knows(keys, "new")


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES.keys())
async def test_an_issuer_that_comes_late_is_believed_then(failure: Behaviour) -> None:
    async with (
        rogue_server(in_turn(failure, shows(OLD))) as issuer,
        FetchedKeys.open(issuer.url, Pace(rest_without_keys=0.01)) as keys,
    ):
        await eventually(lambda: knows(keys, "old"), what="the keys")


async def test_while_the_issuer_hangs_known_keys_are_answered_at_once() -> None:
    async with (
        rogue_server(in_turn(shows(OLD), never_answers)) as issuer,
        FetchedKeys.open(issuer.url, Pace(rest=0.0, refresh=0.0)) as keys,
    ):
        assert await knows(keys, "old")

        async def hanging() -> bool:
            return issuer.requests == 2

        await eventually(hanging, what="a fetch that hangs")
        # Without giving the fetch a chance to end: the answer is there already.
        with pytest.raises(StopIteration):
            keys.key("old").send(None)


async def test_a_token_is_refused_in_time_when_the_issuer_never_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.access.authenticator._IDENTIFY_SECONDS", 0.1)
    vault = Vault(SecretStr("a key for tests of at least 32 characters"))
    async with rogue_server(never_answers) as issuer:
        options = AccessOptions(
            login_required=True,
            api_keys={"sk_live_of_acme": "acme"},
            jwt_jwks_url=issuer.url,
            jwt_issuer=ISSUER,
            jwt_audience=AUDIENCE,
        )
        async with Authenticator.open(options, vault, clock, lambda _: False) as authenticator:
            with pytest.raises(Unauthenticated, match="could not be checked in time"):
                await authenticator.identify(SecretStr(by_key(rsa_key("old"), "old")))
            assert isinstance(await authenticator.identify(SecretStr("sk_live_of_acme")), MerchantCaller)


@pytest.fixture
def key_id() -> str:
    """A key that no other test has."""
    return key_id_of(uuid4().hex)


@asynccontextmanager
async def node(url: str, *, hears: bool = True, sweep_seconds: float = 0.5) -> AsyncIterator[Revocations]:
    """One gateway's revocations, fed as a gateway feeds them."""
    async with (
        open_redis(url) as redis,
        Revocations.open(redis, sweep_seconds) as revocations,
        asyncio.TaskGroup() as tasks,
    ):
        if not hears:
            yield revocations
            return
        connected = asyncio.Event()

        def on_loss() -> None:
            revocations.on_loss()
            connected.set()

        feed = Feed(url, revocations.on_message, on_loss)
        await feed.subscribe(CHANNEL)
        running = tasks.create_task(feed.run())
        await connected.wait()
        try:
            yield revocations
        finally:
            running.cancel()


async def test_every_node_hears_of_a_revocation(valkey: ValkeyProcess, redis: Redis, key_id: str) -> None:
    async with AsyncExitStack() as nodes:
        # They would not sweep before this test is long over.
        every = [await nodes.enter_async_context(node(valkey.url, sweep_seconds=3600)) for _ in range(3)]
        told = [asyncio.Event() for _ in every]
        for revocations, heard in zip(every, told, strict=True):
            nodes.enter_context(revocations.subscribe(key_id, heard.set))
        assert not any(revocations.is_revoked(key_id) for revocations in every)
        await revoke(redis, key_id)
        async with asyncio.timeout(30):
            await asyncio.gather(*(heard.wait() for heard in told))
        assert all(revocations.is_revoked(key_id) for revocations in every)


async def test_a_node_that_hears_nothing_looks_for_itself(valkey: ValkeyProcess, redis: Redis, key_id: str) -> None:
    async with node(valkey.url, hears=False, sweep_seconds=0.02) as revocations:
        heard = asyncio.Event()
        with revocations.subscribe(key_id, heard.set):
            await revoke(redis, key_id)
            async with asyncio.timeout(30):
                await heard.wait()


async def test_a_node_that_starts_later_knows_what_was_revoked(
    valkey: ValkeyProcess, redis: Redis, key_id: str
) -> None:
    await revoke(redis, key_id)
    async with node(valkey.url, hears=False) as revocations:
        assert revocations.complete
        assert revocations.is_revoked(key_id)
        heard = asyncio.Event()
        with revocations.subscribe(key_id, heard.set):
            await heard.wait()


async def test_nobody_is_told_of_the_key_of_another_or_after_it_has_gone(
    valkey: ValkeyProcess, redis: Redis, key_id: str
) -> None:
    another, told = key_id_of(uuid4().hex), []
    async with node(valkey.url) as revocations:
        with revocations.subscribe(another, lambda: told.append("another")):
            with revocations.subscribe(key_id, lambda: told.append("gone")):
                pass
            heard = asyncio.Event()
            with revocations.subscribe(key_id, heard.set):
                await revoke(redis, key_id)
                await heard.wait()
    assert told == []


async def test_one_connection_that_fails_keeps_no_other_from_being_told(
    valkey: ValkeyProcess, redis: Redis, key_id: str
) -> None:
    failures: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context["exception"]))

    def fails() -> None:
        raise ConnectionResetError

    async with node(valkey.url) as revocations:
        heard = asyncio.Event()
        with revocations.subscribe(key_id, fails), revocations.subscribe(key_id, heard.set):
            await revoke(redis, key_id)
            await heard.wait()
    assert [type(failure) for failure in failures] == [ConnectionResetError]


async def test_a_restored_key_counts_again_on_every_node(valkey: ValkeyProcess, redis: Redis, key_id: str) -> None:
    async with node(valkey.url) as one, node(valkey.url, hears=False, sweep_seconds=0.02) as other:
        for change, revoked in ((revoke, True), (restore, False), (revoke, True)):
            await change(redis, key_id)

            async def agreed(revoked: bool = revoked) -> bool:
                return one.is_revoked(key_id) is revoked and other.is_revoked(key_id) is revoked

            await eventually(agreed, what="the same on both nodes")


async def test_a_redis_that_forgets_or_ends_revokes_nothing_less(own_valkey: ValkeyProcess, key_id: str) -> None:
    later = key_id_of("a key that is revoked after the restart")
    async with (
        open_redis(own_valkey.url) as redis,
        node(own_valkey.url, hears=False, sweep_seconds=0.02) as revocations,
    ):

        async def knows_it(sought: str) -> bool:
            return revocations.is_revoked(sought)

        await revoke(redis, key_id)
        await eventually(lambda: knows_it(key_id), what="the revocation")
        await redis.flushall()
        own_valkey.kill()
        own_valkey.restart()
        await revoke(redis, later)
        # It hears nothing, so it has read what Redis has by now.
        await eventually(lambda: knows_it(later), what="a revocation after the restart")
        assert revocations.is_revoked(key_id)


async def test_a_redis_that_freezes_revokes_nothing_less_and_is_reported_once(
    own_valkey: ValkeyProcess, key_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.access.revocation._ANSWER_SECONDS", 0.05)
    reads: list[object] = []
    async with open_redis(own_valkey.url) as redis:
        await revoke(redis, key_id)
        genuine = redis.hgetall

        def counted(name: str) -> object:
            reads.append(name)
            return genuine(name)

        monkeypatch.setattr(redis, "hgetall", counted)
        async with Revocations.open(redis, sweep_seconds=0.01) as revocations:

            async def complete() -> bool:
                return revocations.complete

            await eventually(complete, what="the first reading")
            with frozen(own_valkey.pid), structlog.testing.capture_logs() as logged:
                before = len(reads)

                async def tried_often() -> bool:
                    return len(reads) > before + 3

                await eventually(tried_often, what="reading in vain")
            assert revocations.is_revoked(key_id)
            assert [entry["event"] for entry in logged] == ["revocations cannot be read"]


async def test_a_node_that_cannot_read_at_its_start_is_not_complete_until_it_can(own_valkey: ValkeyProcess) -> None:
    own_valkey.stop()
    async with node(own_valkey.url, hears=False, sweep_seconds=0.02) as revocations:
        assert not revocations.complete
        own_valkey.restart()

        async def complete() -> bool:
            return revocations.complete

        await eventually(complete, what="the first reading")


@pytest.mark.parametrize("payload", [b"", b"revoked", b"revoked ", b"junk", b"\xff\xfe", b"restored key_1"])
async def test_a_message_that_is_no_revocation_makes_a_node_read_again(
    own_valkey: ValkeyProcess, key_id: str, payload: bytes
) -> None:
    async with (
        open_redis(own_valkey.url) as redis,
        node(own_valkey.url, hears=False, sweep_seconds=3600) as revocations,
    ):
        await redis.hset(DECISIONS_KEY, key_id, "revoked")
        revocations.on_message(b"another channel", f"revoked {key_id}".encode())
        assert not revocations.is_revoked(key_id)
        heard = asyncio.Event()
        with revocations.subscribe(key_id, heard.set):
            revocations.on_message(CHANNEL.encode(), payload)
            await heard.wait()
