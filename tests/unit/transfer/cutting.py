"""A proxy in front of a registry that cuts connections at random places."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field


@dataclass
class CuttingProxy:
    """Forwards bytes to ``target``; each direction of a connection is cut after up to ``reach``."""

    target: int
    seed: int
    reach: int
    port: int = 0
    cuts: int = 0
    _random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def serve(
        self, client_reader: asyncio.StreamReader, client_writer: asyncio.StreamWriter
    ) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.target)
        ways = [
            asyncio.create_task(self._forward(client_reader, writer)),
            asyncio.create_task(self._forward(reader, client_writer)),
        ]
        # The test may end while connections are open; then the loop cancels this.
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        for end in (writer, client_writer):
            end.transport.abort()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        left = self._random.randrange(self.reach)
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(1 << 16):
                writer.write(data[:left])
                await writer.drain()
                left -= len(data)
                if left <= 0:
                    self.cuts += 1
                    return


@contextlib.asynccontextmanager
async def cutting_proxy(target: int, *, seed: int, reach: int) -> AsyncIterator[CuttingProxy]:
    """Run a proxy before the loopback port ``target``."""
    proxy = CuttingProxy(target, seed, reach)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
