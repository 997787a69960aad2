"""The measuring client reads answers as servers really cut them, and dates every event."""

from __future__ import annotations

import asyncio
from itertools import accumulate

import pytest

from bench import client

pytestmark = pytest.mark.anyio

CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b'9\r\n{"a": 1}\n\r\n'
    b'12\r\n{"a": 2}\n{"a": 3}\n\r\n'
    b"0\r\n\r\n"
)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def exchange(*pieces: bytes) -> client.Exchange:
    """What the client makes of a server that sends these pieces and closes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        return await client.send(server.sockets[0].getsockname()[1], "/")


async def test_chunked_json_lines_are_read_wherever_the_bytes_are_cut() -> None:
    for cut in range(1, len(CHUNKED)):
        answer = await exchange(CHUNKED[:cut], CHUNKED[cut:])
        assert [event for _, event in answer.events] == [{"a": 1}, {"a": 2}, {"a": 3}]


async def test_server_sent_events_are_read_without_their_end_marker() -> None:
    answer = await exchange(b'HTTP/1.1 200 OK\r\n\r\ndata: {"a": 1}\n\ndata: [DONE]\n\n')
    assert [event for _, event in answer.events] == [{"a": 1}]


async def test_an_http_error_is_raised_with_its_body() -> None:
    with pytest.raises(RuntimeError, match="HTTP 404: b'no such model'"):
        await exchange(b"HTTP/1.1 404 Not Found\r\n\r\nno such model")


def test_an_event_is_dated_by_the_piece_that_completes_it() -> None:
    head = CHUNKED.index(b"9\r\n")
    second = CHUNKED.index(b"12\r\n")
    third = CHUNKED.index(b'{"a": 3}')
    ends = [head, second - 4, second + 12, third + 3, len(CHUNKED)]
    pieces = [CHUNKED[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]
    assert list(accumulate(map(len, pieces))) == ends
    answer = client.take_apart(0.0, pieces, [1.0, 2.0, 3.0, 4.0, 5.0])
    assert [time for time, _ in answer.events] == [3.0, 4.0, 5.0]
