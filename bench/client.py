"""An HTTP/1.1 client that costs next to nothing while it measures.

Client and servers share the machine's cores, so a slow client would be measured as a slow server.
While an answer streams in, this one only notes the time of each piece of bytes; headers, chunks
and JSON are taken apart when the connection has closed.
"""

from __future__ import annotations

import asyncio
import json
from bisect import bisect_left
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any


@dataclass
class Exchange:
    """One request and its answer. Times are ``perf_counter`` seconds.

    ``events`` are the answer's JSON values, each with the time at which its last byte arrived.
    """

    sent: float
    status: int
    events: list[tuple[float, dict[str, Any]]] = field(default_factory=list)

    @property
    def finished(self) -> float:
        """When the last event arrived."""
        return self.events[-1][0]


class Stream:
    """An answer under way: the time of each piece that arrived, and a future of its end."""

    def __init__(self) -> None:
        self.closed = asyncio.get_running_loop().create_future()
        self.sent = 0.0
        self.pieces: list[bytes] = []
        self.times: list[float] = []
        self._milestones: dict[int, asyncio.Event] = {}
        self.closed.add_done_callback(self._release)

    def arrived(self, piece: bytes) -> None:
        """Note a piece of the answer, at this moment."""
        self.times.append(perf_counter())
        self.pieces.append(piece)
        if self._milestones and (event := self._milestones.pop(len(self.pieces), None)):
            event.set()

    async def pieces_arrived(self, count: int) -> None:
        """Wait until ``count`` pieces have arrived, or the stream has ended."""
        if len(self.pieces) < count and not self.closed.done():
            await self._milestones.setdefault(count, asyncio.Event()).wait()

    async def exchange(self) -> Exchange:
        """Wait for the end, and return the whole answer; raises RuntimeError if it is an error."""
        raise NotImplementedError

    def _release(self, _: asyncio.Future[None]) -> None:
        for event in self._milestones.values():
            event.set()


class Connection(Stream, asyncio.Protocol):
    """Sends one request, collects the answer's bytes until the server closes."""

    def __init__(self, request: bytes) -> None:
        super().__init__()
        self._request = request

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.sent = perf_counter()
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self.arrived(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is None:
            self.closed.set_result(None)
        else:
            self.closed.set_exception(exc)

    async def exchange(self) -> Exchange:
        """Wait for the end, and take the answer apart; raises RuntimeError on an HTTP error."""
        await self.closed
        exchange = take_apart(self.sent, self.pieces, self.times)
        if exchange.status != 200:
            body = b"".join(self.pieces).partition(b"\r\n\r\n")[2]
            raise RuntimeError(f"HTTP {exchange.status}: {body[:500]!r}")
        return exchange


async def start(port: int, path: str, body: dict[str, Any] | None = None) -> Connection:
    """Send a request to the loopback server at ``port``: POST with a JSON body, GET without."""
    content = b"" if body is None else json.dumps(body).encode()
    head = (
        f"{'GET' if body is None else 'POST'} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n"
        "Connection: close\r\n\r\n"
    )
    loop = asyncio.get_running_loop()
    request = head.encode() + content
    _, connection = await loop.create_connection(lambda: Connection(request), "127.0.0.1", port)
    return connection


async def send(port: int, path: str, body: dict[str, Any] | None = None) -> Exchange:
    """One whole exchange with the loopback server at ``port``."""
    return await (await start(port, path, body)).exchange()


def take_apart(sent: float, pieces: list[bytes], times: list[float]) -> Exchange:
    """The exchange that arrived as ``pieces`` at ``times``; raises RuntimeError if not HTTP."""
    ends: list[int] = []
    total = 0
    for piece in pieces:
        total += len(piece)
        ends.append(total)
    raw = b"".join(pieces)
    head, _, _ = raw.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 "):
        raise RuntimeError(f"not an HTTP answer: {raw[:100]!r}")
    exchange = Exchange(sent, int(head.split(b" ", 2)[1]))
    start_of_body = len(head) + 4
    if b"transfer-encoding: chunked" in head.lower():
        body, offsets = _unchunk(raw, start_of_body)
    else:
        body, offsets = raw[start_of_body:], [(0, start_of_body)]
    position = 0
    for line in body.splitlines(keepends=True):
        position += len(line)
        text = line.strip().removeprefix(b"data: ")
        if text.startswith(b"{"):
            arrived = times[bisect_left(ends, _raw_offset(offsets, position))]
            exchange.events.append((arrived, json.loads(text)))
    return exchange


def _unchunk(raw: bytes, position: int) -> tuple[bytes, list[tuple[int, int]]]:
    """The body, and for each chunk its offsets in the body and in ``raw``."""
    parts: list[bytes] = []
    offsets: list[tuple[int, int]] = []
    length = 0
    while True:
        line_end = raw.index(b"\r\n", position)
        size = int(raw[position:line_end].split(b";")[0], 16)
        if size == 0:
            return b"".join(parts), offsets
        begin = line_end + 2
        parts.append(raw[begin : begin + size])
        offsets.append((length, begin))
        length += size
        position = begin + size + 2


def _raw_offset(offsets: list[tuple[int, int]], end: int) -> int:
    """Where in the raw bytes the body's byte before ``end`` ends."""
    body, raw = offsets[max(bisect_left(offsets, (end, 0)) - 1, 0)]
    return raw + end - body
