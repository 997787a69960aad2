"""What is measured: each scenario asks one server for something, and returns named numbers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise
from statistics import median
from typing import Any

from bench import client
from bench.prompts import Prompts
from bench.servers import HttpServer, Request, Server

Numbers = dict[str, float]
Scenario = Callable[[Server, Prompts], Awaitable[Numbers]]

DECODE_PROMPT = 512
DECODE_TOKENS = 128
CLIENTS = (1, 4, 8, 16)
# A text that the embedded model, too, continues for long.
COUNTING = "1 2 3 4 5 6 7 8 9 " * 6
SCHEMA: dict[str, Any] = {
    "type": "array",
    "minItems": 4,
    "maxItems": 4,
    "items": {
        "type": "object",
        "properties": {
            "kind": {"enum": ["sensor", "actuator", "controller", "gateway"]},
            "state": {"enum": ["online", "offline", "maintenance"]},
            "channel": {"type": "integer", "minimum": 0, "maximum": 9999},
            "priority": {"type": "integer", "minimum": 1, "maximum": 5},
            "enabled": {"type": "boolean"},
        },
        "required": ["kind", "state", "channel", "priority", "enabled"],
        "additionalProperties": False,
    },
}
SCHEMA_TOKENS = 512


async def decode(server: Server, prompts: Prompts) -> Numbers:
    """Tokens per second of one stream, from its first token to its last."""
    prompt = prompts.text(DECODE_PROMPT)
    exchange = await _send(server, server.completion(prompt, DECODE_TOKENS))
    arrivals = _arrivals(server, exchange)
    return {"decode": (server.generated(exchange) - 1) / (arrivals[-1] - arrivals[0])}


async def throughput(server: Server, prompts: Prompts) -> Numbers:
    """Generated tokens per second of several clients together, prompts included in the time."""
    numbers = {}
    for clients in CLIENTS:
        requests = [server.completion(prompts.text(128), 128) for _ in range(clients)]
        numbers[f"throughput-{clients}"] = _rate(server, await _together(server, requests))
    return numbers


async def shared_prefix(server: Server, prompts: Prompts) -> Numbers:
    """Eight clients at once whose prompts share 1,024 tokens that nobody has asked for before."""
    system = prompts.text(1024)
    requests = [server.completion(system + prompts.text(32), 32) for _ in range(8)]
    exchanges = await _together(server, requests)
    begin = min(exchange.sent for exchange in exchanges)
    return {
        "prefix-first": max(_arrivals(server, exchange)[0] for exchange in exchanges) - begin,
        "prefix-total": max(exchange.finished for exchange in exchanges) - begin,
    }


async def stall(server: Server, prompts: Prompts) -> Numbers:
    """The longest silence in four running streams while a 2,048-token prompt is taken in."""
    running = [await server.open(server.completion(prompts.text(64), 768)) for _ in range(4)]
    await asyncio.gather(*(connection.pieces_arrived(20) for connection in running))
    newcomer = await _send(server, server.completion(prompts.text(2048), 8))
    first = _arrivals(server, newcomer)[0]
    await asyncio.gather(*(connection.exchange() for connection in running))
    end = newcomer.finished
    gap = 0.0
    for connection in running:
        times = [time for time in connection.times if newcomer.sent <= time]
        gap = max(gap, *(b - a for a, b in pairwise([newcomer.sent, *times]) if a < end))
    return {"stall-gap": gap, "stall-newcomer": first - newcomer.sent}


async def conversation(server: Server, prompts: Prompts) -> Numbers:
    """Time to first token of the second and later turns of one conversation."""
    messages = [{"role": "system", "content": prompts.text(512).strip()}]
    firsts = []
    for _ in range(6):
        messages.append({"role": "user", "content": prompts.text(32).strip()})
        exchange = await _send(server, server.chat(messages, 64))
        firsts.append(_arrivals(server, exchange)[0] - exchange.sent)
        answer = "".join(server.text(event) for _, event in exchange.events)
        messages.append({"role": "assistant", "content": answer})
    return {"turn": median(firsts[1:])}


async def schema(server: Server, prompts: Prompts) -> Numbers:
    """Tokens per second under a JSON Schema, and the share of the free speed that this is."""
    numbers = {}
    for clients in (1, 8):
        free = [server.completion(prompts.text(32), 128) for _ in range(clients)]
        bound = [server.completion(prompts.text(32), SCHEMA_TOKENS, SCHEMA) for _ in range(clients)]
        free_rate = _rate(server, await _together(server, free))
        rate = _rate(server, await _together(server, bound))
        numbers[f"schema-{clients}"] = rate
        numbers[f"schema-share-{clients}"] = rate / free_rate
    return numbers


async def http(server: Server, _: Prompts) -> Numbers:
    """CPU time of the server process for each streamed chunk, at 16 streams."""
    assert isinstance(server, HttpServer)
    requests = [server.completion(COUNTING, 256) for _ in range(16)]
    before = server.cpu_seconds()
    exchanges = await _together(server, requests)
    spent = server.cpu_seconds() - before
    chunks = sum(len(exchange.events) for exchange in exchanges)
    return {"http-chunk": spent / chunks}


SCENARIOS: dict[str, Scenario] = {
    "decode": decode,
    "throughput": throughput,
    "prefix": shared_prefix,
    "stall": stall,
    "conversation": conversation,
    "schema": schema,
    "http": http,
}


async def _send(server: Server, request: Request) -> client.Exchange:
    return await (await server.open(request)).exchange()


async def _together(server: Server, requests: list[Request]) -> list[client.Exchange]:
    return await asyncio.gather(*(_send(server, request) for request in requests))


def _arrivals(server: Server, exchange: client.Exchange) -> list[float]:
    """When each piece of generated text arrived."""
    return [time for time, event in exchange.events if server.text(event)]


def _rate(server: Server, exchanges: list[client.Exchange]) -> float:
    begin = min(exchange.sent for exchange in exchanges)
    end = max(exchange.finished for exchange in exchanges)
    return sum(server.generated(exchange) for exchange in exchanges) / (end - begin)
