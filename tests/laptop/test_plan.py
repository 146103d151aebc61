"""Free addresses where the user set none, the user's where there is one, and a clear word where it cannot be."""

import socket
from pathlib import Path

import pytest
from pydantic import SecretStr

from app.laptop.banner import banner
from app.laptop.environment import environment_with
from app.laptop.folder import DataFolder
from app.laptop.plan import AddressTaken, Plan, address, make_plan
from app.laptop.ports import free_ports
from app.settings import Settings


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path, lock=-1)


@pytest.fixture(autouse=True)
def no_settings_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for field in Settings.model_fields:
        monkeypatch.delenv(f"PAYGATE_{field.upper()}", raising=False)


def plan(folder: DataFolder, **settings: object) -> Plan:
    return make_plan(Settings.model_validate({"port": 0, **settings}), folder)


def test_whatever_the_user_leaves_open_is_found(folder: DataFolder) -> None:
    made = plan(folder)
    ports = made.ports
    assert set(ports) == {"gateway", "eventstore", "valkey", "sandbox"}
    assert len(set(ports.values())) == 4
    assert made.settings.profile == "dev"
    assert made.settings.port == ports["gateway"]
    assert made.settings.eventstore_uri == f"esdb://127.0.0.1:{ports['eventstore']}?tls=false"
    assert made.settings.redis_url == f"redis://127.0.0.1:{ports['valkey']}/0"
    assert made.settings.sandbox_url == f"http://127.0.0.1:{ports['sandbox']}"
    assert made.settings.secret_key == folder.secret_key()
    assert made.settings.push_private_key == folder.push_key()
    assert made.settings.push_contact is not None
    assert made.settings.smtp_url == SecretStr(f"smtp://127.0.0.1:{made.settings.sandbox_mail_port}")
    assert made.settings.mail_from is not None


def test_ports_the_user_chose_are_used(folder: DataFolder) -> None:
    gateway, eventstore, sandbox = free_ports(3)
    made = plan(folder, port=gateway, eventstore_port=eventstore, sandbox_port=sandbox)
    assert made.ports["gateway"] == gateway
    assert made.settings.eventstore_uri == f"esdb://127.0.0.1:{eventstore}?tls=false"
    assert made.settings.sandbox_url == f"http://127.0.0.1:{sandbox}"


def test_servers_the_user_names_are_used_and_not_started(folder: DataFolder) -> None:
    given = {
        "eventstore_uri": "esdb://store:2113",
        "redis_url": "redis://cache:6379/3",
        "sandbox_url": "http://pretend:1",
        "profile": "production",
        "secret_key": "x" * 32,
        "push_private_key": "k" * 43,
        "push_contact": "mailto:ops@shop.test",
        "smtp_url": "smtp://mail.test",
        "mail_from": "pay@shop.test",
    }
    secrets = {"secret_key", "push_private_key", "smtp_url"}
    made = plan(folder, **given)
    assert set(made.ports) == {"gateway"}
    assert made.settings.model_dump(include=set(given) - secrets) == {
        name: value for name, value in given.items() if name not in secrets
    }
    assert not (folder.path / "secret-key").exists()
    assert not (folder.path / "push-key").exists()


@pytest.mark.parametrize("field", ["port", "eventstore_port", "sandbox_port"])
def test_a_taken_port_is_refused_with_address_and_variable(folder: DataFolder, field: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = server.getsockname()[1]
        message = f"127.0.0.1:{taken} is already in use: set PAYGATE_{field.upper()} to another port"
        with pytest.raises(AddressTaken, match=message):
            plan(folder, **{field: taken})


def test_a_host_of_another_machine_is_refused_with_its_variable(folder: DataFolder) -> None:
    with pytest.raises(AddressTaken, match=r"Cannot listen at 192.0.2.1:8000 .*: set PAYGATE_HOST or PAYGATE_PORT"):
        plan(folder, host="192.0.2.1", port=8000)


def test_a_server_on_every_interface_is_reached_on_this_machine() -> None:
    assert address("0.0.0.0", 80) == "127.0.0.1:80"  # noqa: S104 - nobody listens
    assert address("::", 80) == "[::1]:80"
    assert address("localhost", 80) == "localhost:80"


def test_a_child_reads_the_same_settings_from_its_environment(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("paygate_sandbox_port", "1")
    planned = plan(folder, api_keys={"key": "acme"}, providers=["sandbox"]).settings
    environment = environment_with(planned)
    monkeypatch.delenv("paygate_sandbox_port")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert Settings() == planned


def test_the_banner_tells_every_address_and_no_password(folder: DataFolder) -> None:
    text = banner(plan(folder, redis_url="redis://me:hidden@cache:6379/0"))
    assert "redis://cache:6379/0" in text
    assert "hidden" not in text
    assert "/graphql" in text
    assert "esdb://127.0.0.1:" in text
    assert str(folder.path) in text
    assert "Ctrl-C" in text
