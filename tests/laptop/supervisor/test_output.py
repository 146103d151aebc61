"""Lines stay whole, whatever the pieces they arrive in."""

import asyncio
import itertools
import re

from hypothesis import given
from hypothesis import strategies as st

from app.laptop.supervisor.output import LineSplitter, Output


def split(*pieces: bytes, longest: int = 1000) -> list[str]:
    splitter = LineSplitter(longest)
    return [line for piece in pieces for line in splitter.feed(piece)] + splitter.finish()


def test_a_line_may_arrive_in_pieces() -> None:
    assert split(b"one li", b"ne\nand anot", b"her\n") == ["one line", "and another"]


def test_an_empty_line_is_a_line() -> None:
    assert split(b"a\n\nb\n") == ["a", "", "b"]


def test_the_last_line_needs_no_end() -> None:
    assert split(b"complete\nincomplete") == ["complete", "incomplete"]


def test_a_carriage_return_belongs_to_the_line_end() -> None:
    assert split(b"dos\r\n") == ["dos"]


def test_a_letter_may_be_torn_and_rubbish_is_replaced() -> None:
    assert split(b"\xc3", b"\xa9\n\xff\n") == ["é", "\N{REPLACEMENT CHARACTER}"]


def test_a_very_long_line_comes_in_pieces() -> None:
    assert split(b"x" * 25, b"y\n", longest=10) == ["x" * 10, "x" * 10, "x" * 5 + "y"]


@given(st.binary(), st.lists(st.integers(0, 100)))
def test_how_the_bytes_are_cut_makes_no_difference(data: bytes, cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(data)]
    pieces = [data[start:end] for start, end in itertools.pairwise(edges)]
    assert split(*pieces) == split(data)


async def test_a_listener_hears_a_line_said_before_or_after() -> None:
    output = Output()
    output.spoke("ready to serve")
    await output.says(r"\bready\b")
    async with asyncio.TaskGroup() as group:
        hearing = group.create_task(output.says("again$"))
        await asyncio.sleep(0)
        output.spoke("something else")
        assert not hearing.done()
        output.spoke("ready again")


async def test_only_standard_output_counts_as_speaking() -> None:
    output = Output()
    output.complained("not ready")
    hearing = asyncio.create_task(output.says("ready"))
    await asyncio.sleep(0)
    assert not hearing.done()
    hearing.cancel()
    assert [line for line in output.last_lines if re.search("ready", line)] == ["not ready"]
