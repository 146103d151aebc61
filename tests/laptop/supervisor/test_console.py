"""Every line has the name of who said it, and a reader that leaves stops nobody."""

import io
import os

from app.laptop.supervisor import Console


def test_names_are_aligned() -> None:
    screen = io.StringIO()
    console = Console(screen, ["valkey", "eventstore"], colour=False)
    console.line("valkey", "hello")
    console.line("eventstore", "hello")
    assert screen.getvalue() == "valkey     | hello\neventstore | hello\n"


def test_a_terminal_gets_a_colour_per_name_that_ends_with_the_line() -> None:
    screen = io.StringIO()
    console = Console(screen, ["valkey", "eventstore"], colour=True)
    console.line("valkey", "\x1b[31mred")
    console.line("eventstore", "plain")
    assert screen.getvalue() == (
        "\x1b[36mvalkey     |\x1b[0m \x1b[31mred\x1b[0m\n\x1b[33meventstore |\x1b[0m plain\x1b[0m\n"
    )


def test_a_letter_the_terminal_does_not_know_is_replaced() -> None:
    buffer = io.BytesIO()
    screen = io.TextIOWrapper(buffer, encoding="ascii")
    Console(screen, ["a"], colour=False).line("a", "é")
    assert buffer.getvalue() == b"a | ?\n"


def test_a_reader_that_has_gone_is_no_error() -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    with os.fdopen(write_end, "w") as stream:
        console = Console(stream, ["a"], colour=False)
        console.line("a", "nobody reads this")
        console.line("a", "nor this")
