"""Free ports are free, and a taken one is seen."""

import socket

import pytest

from app.laptop.ports import free_ports, is_taken


def test_the_ports_are_different_and_free() -> None:
    ports = free_ports(5)
    assert len(set(ports)) == 5
    assert not any(is_taken("127.0.0.1", port) for port in ports)


def test_a_port_that_is_promised_to_somebody_is_not_chosen() -> None:
    all_but_one = set(range(20_000, 30_000)) - set(free_ports(1))
    assert not all_but_one & set(free_ports(1, besides=all_but_one))


def test_a_port_somebody_listens_on_is_taken_until_it_is_closed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert is_taken("127.0.0.1", port)
        assert is_taken("localhost", port)
    assert not is_taken("127.0.0.1", port)


def test_an_address_of_another_machine_is_an_error_not_a_taken_port() -> None:
    with pytest.raises(OSError, match="assign"):
        is_taken("192.0.2.1", 8000)
