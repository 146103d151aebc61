"""Nobody outside can have this machine call what the world cannot reach."""

import ipaddress
import socket
import threading
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from app.destinations import LOOPBACK, Destinations, NotAllowed, NotFound, SystemResolver, is_public

PUBLIC = "93.184.215.14"
PUBLIC_6 = "2606:2800:21f:cb07:6820:80da:af6b:8b2c"


def names(**addresses: Sequence[str]) -> Destinations:
    """The internet as far as it is known: names to addresses."""
    known = {name.replace("_", "."): found for name, found in addresses.items()}

    async def resolve(host: str, _: int) -> Sequence[str]:
        if host not in known:
            raise OSError("no such name")
        return known[host]

    return Destinations(resolve=resolve)


WORLD = names(shop_example=[PUBLIC], six_example=[PUBLIC_6, PUBLIC], inside_example=["10.0.0.8"])


@pytest.mark.parametrize(
    ("url", "connects_to", "host"),
    [
        ("https://shop.example/hooks?a=1&b=%20", f"https://{PUBLIC}:443/hooks?a=1&b=%20", "shop.example"),
        ("https://SHOP.example", f"https://{PUBLIC}:443/", "shop.example"),
        ("https://shop.example.:8443/x", f"https://{PUBLIC}:8443/x", "shop.example:8443"),
        ("https://six.example/", f"https://[{PUBLIC_6}]:443/", "six.example"),
        (f"https://{PUBLIC}/", f"https://{PUBLIC}:443/", PUBLIC),
        (f"https://[{PUBLIC_6}]:444/", f"https://[{PUBLIC_6}]:444/", f"[{PUBLIC_6}]:444"),
    ],
)
async def test_a_public_address_is_called_by_the_address_that_was_checked(
    url: str, connects_to: str, host: str
) -> None:
    found = await WORLD.check(url)
    assert (found.url_at(found.addresses[0]), found.host_header) == (connects_to, host)


NOT_URLS = [
    "",
    "shop.example",
    "//shop.example/",
    "ftp://shop.example/",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "gopher://shop.example:6379/_SET",
    "https://",
    "https:///path",
    "https://user@shop.example/",
    "https://user:password@shop.example/",
    "https://shop.example@10.0.0.8/",
    "https://shop.example:443@10.0.0.8/",
    "https://10.0.0.8\\@shop.example/",
    "https://shop.example\\.inside.example/",
    "https://shop.example#@inside.example/",
    "https://shop.example/#fragment",
    "https://shop.example/a b",
    "https://shop.example/\r\nHost: inside.example",
    "https://shop.example\x00.inside.example/",
    "https://shop.example:99999/",
    "https://shop.example:0/",
    "https://shop.example:http/",
    "https://shop..example/",
    "https://-shop.example/",
    "https://sh%6fp.example/",
    "https://①②⑦.0.0.1/",
    "https://127。0。0。1/",
    "https://münchen.example/",
    "https://[::1/",
    "https://[shop.example]/",
    "https://[fe80::1%25eth0]/",
    "https://[::1%lo]/",
    "https://" + "a" * 64 + ".example/",
    "https://shop.example/" + "a" * 2048,
]
NUMBERS_IN_DISGUISE = [
    "2130706433",
    "0x7f000001",
    "0X7F.1",
    "017700000001",
    "0177.0.0.1",
    "127.1",
    "127.0.1",
    "0x7f.0x0.0x0.0x1",
    "127.0.0.01",
    "127.0.0.1.0x",
    "1.2.3.4.5",
    "256.256.256.256",
    "foo.0x7f",
    "127.0.0.1..",
]


@pytest.mark.parametrize("url", [*NOT_URLS, *(f"https://{host}/" for host in NUMBERS_IN_DISGUISE)])
async def test_what_others_may_read_in_another_way_is_not_taken(url: str) -> None:
    with pytest.raises(NotAllowed, match=r"^takes ") as refused:
        await WORLD.check(url)
    assert refused.value.code == "invalid_url"


NOT_PUBLIC = [
    "0.0.0.0",  # noqa: S104
    "10.0.0.8",
    "100.64.0.1",
    "127.0.0.1",
    "127.8.8.8",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.0.1",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "203.0.113.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::10.0.0.8",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:0a00:0008",
    "64:ff9b::10.0.0.8",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
]


@pytest.mark.parametrize("address", NOT_PUBLIC)
async def test_what_is_not_on_the_public_internet_is_not_called_by_address_or_by_name(address: str) -> None:
    literal = f"[{address}]" if ":" in address else address
    for destinations, host in ((WORLD, literal), (names(shop_example=[PUBLIC, address]), "shop.example")):
        with pytest.raises(NotAllowed) as refused:
            await destinations.check(f"https://{host}/")
        assert refused.value.code == "address_not_public"


@pytest.mark.parametrize(
    "address", [PUBLIC, PUBLIC_6, "8.8.8.8", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::"]
)
def test_what_is_on_the_public_internet_is_public_however_it_is_written(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@drawn(st.ip_addresses(v=4))
def test_an_address_is_as_public_inside_another_as_by_itself(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    mapped = ipaddress.IPv6Address((0xFFFF << 32) | number)
    translated = ipaddress.IPv6Address((0x64_FF9B << 96) | number)
    tunnelled = ipaddress.IPv6Address((0x2002 << 112) | (number << 80))
    assert {is_public(each) for each in (mapped, translated, tunnelled)} == {is_public(address)}


async def test_a_name_that_is_another_address_the_next_time_is_checked_again() -> None:
    answers = iter([[PUBLIC], ["127.0.0.1"]])

    async def resolve(_: str, __: int) -> Sequence[str]:
        return next(answers)

    destinations = Destinations(resolve=resolve)
    found = await destinations.check("https://rebinding.example/")
    assert found.url_at(found.addresses[0]) == f"https://{PUBLIC}:443/"
    with pytest.raises(NotAllowed):
        await destinations.check("https://rebinding.example/")


async def test_a_name_that_nobody_knows_may_be_known_later() -> None:
    for destinations in (WORLD, names(nobody_example=[])):
        with pytest.raises(NotFound):
            await destinations.check("https://nobody.example/")


async def test_what_is_sent_to_the_world_is_encrypted() -> None:
    with pytest.raises(NotAllowed) as refused:
        await WORLD.check("http://shop.example/")
    assert refused.value.code == "https_required"
    assert (await Destinations(http=True, resolve=WORLD.resolve).check("http://shop.example/")).port == 80


async def test_networks_of_ours_are_called_where_the_settings_say_so_and_by_http() -> None:
    ours = Destinations(networks=(ipaddress.ip_network("10.0.0.0/8"),), resolve=WORLD.resolve)
    assert (await ours.check("http://inside.example:8080/")).host_header == "inside.example:8080"
    assert (await ours.check("https://10.1.2.3/")).addresses == (ipaddress.ip_address("10.1.2.3"),)
    for url in ("http://shop.example/", "https://192.168.1.1/", "https://127.0.0.1/"):
        with pytest.raises(NotAllowed):
            await ours.check(url)


async def test_a_laptop_calls_itself() -> None:
    laptop = Destinations(networks=LOOPBACK, http=True, resolve=WORLD.resolve)
    for url in ("http://127.0.0.1:5000/", "http://[::1]:5000/", "http://[::ffff:127.0.0.1]/"):
        assert (await laptop.check(url)).scheme == "http"
    with pytest.raises(NotAllowed):
        await laptop.check("http://10.0.0.8/")


class TestTheSystemsResolver:
    async def test_it_finds_this_machine(self) -> None:
        assert set(await SystemResolver()("localhost", 80)) <= {"127.0.0.1", "::1"}

    async def test_a_name_that_is_not_there_is_an_error(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def nobody(*_: Any, **__: Any) -> Any:
            raise socket.gaierror("no such name")

        monkeypatch.setattr(socket, "getaddrinfo", nobody)
        with pytest.raises(NotFound):
            await Destinations().check("https://nobody.example/")

    async def test_a_name_server_that_does_not_answer_holds_up_one_thread_and_nobody_else(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        answer, asked = threading.Event(), Counter[str]()

        def getaddrinfo(host: str, port: int, **_: Any) -> Any:
            asked[host] += 1
            if host == "slow.example":
                answer.wait(60)
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (PUBLIC, port))]

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        destinations = Destinations(seconds=0.05)
        try:
            for _ in range(3):
                with pytest.raises(NotFound):
                    await destinations.check("https://slow.example/")
            patient = Destinations(resolve=destinations.resolve, seconds=60)
            assert (await patient.check("https://quick.example/")).host == "quick.example"
            assert asked == {"slow.example": 1, "quick.example": 1}
        finally:
            answer.set()
        assert (await patient.check("https://slow.example/")).host == "slow.example"
