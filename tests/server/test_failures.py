"""Clients that hang up, runners that die, loads that fail, queues that are full."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import struct
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gguf
import httpx
import pytest

from tests.process import TINY, ServerProcess, wait_until

# A grammar that does not let it end: what the weights would say may be short.
ENDLESS = {"type": "array", "items": {"type": "integer"}, "minItems": 4000}
LONG = {
    "model": "tiny",
    "prompt": "Once",
    "raw": True,
    "format": ENDLESS,
    "options": {"num_predict": 4000},
}


# More of an answer than fits into the buffers between the server and a client that does not read.
HEAVY = {
    **LONG,
    "logprobs": True,
    "top_logprobs": 20,
    "options": {"num_predict": 3800, "temperature": 0},
}


@contextmanager
def asked(server: ServerProcess, body: dict[str, Any]) -> Iterator[socket.socket]:
    """Send a request, and drop the connection at the end of the block."""
    content = json.dumps(body).encode()
    head = (
        f"POST /api/generate HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    with socket.socket() as connection:
        # What a client does not read stays with the server, or nearly so.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", server.port))
        # Without lingering the connection ends with a reset, as when a client is killed.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.sendall(head.encode() + content)
        yield connection


def hang_up_after(server: ServerProcess, body: dict[str, Any], received: int) -> None:
    """Send a request, read ``received`` bytes of the answer, and drop the connection."""
    with asked(server, body) as connection:
        left = received
        while left > 0 and (data := connection.recv(left)):
            left -= len(data)


def idle(server: ServerProcess) -> bool:
    return (
        server.metric("ollama_sequences", state="running") == 0
        and server.metric("ollama_sequences", state="waiting") == 0
        and server.metric("ollama_generations_running") == 0
    )


def test_a_client_that_hangs_up_stops_its_generation(server: ServerProcess) -> None:
    server.generate("Hi")
    generated = server.metric("ollama_generations_total", reason="length")
    hang_up_after(server, LONG, 600)
    wait_until(lambda: idle(server))
    assert server.metric("ollama_generations_total", reason="length") == generated


def test_a_hundred_clients_that_hang_up_leave_nothing_behind(server: ServerProcess) -> None:
    dice = random.Random(7)
    server.generate("Hi")
    runners = server.runners()
    prompts = ["Once", "x " * 300, "Why? " * 100]

    def one(_: int) -> None:
        options = {"num_predict": dice.choice((5, 50, 4000))}
        body = {**LONG, "prompt": dice.choice(prompts), "options": options}
        hang_up_after(server, body, dice.choice((0, 0, 1, 200, 800, 3000)))

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(one, range(100)))
    wait_until(lambda: idle(server))
    assert server.generate("Hi")["done"] is True
    assert set(server.runners()) <= set(runners)  # others may have gone meanwhile


def test_who_does_not_read_an_answer_does_not_keep_others_from_loading(
    server: ServerProcess,
) -> None:
    with asked(server, HEAVY):
        wait_until(lambda: server.metric("ollama_generations_running") == 1)
        answer = server.generate("Hi", options={"num_ctx": 256})
        assert answer["done"] is True
        assert server.metric("ollama_generations_running") == 1
    wait_until(lambda: idle(server))


# --- servers of their own -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def frail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    process = ServerProcess(tmp_path_factory.mktemp("frail"), MAX_QUEUE="2")
    yield process
    process.close()


def test_a_killed_runner_ends_streams_with_an_error_and_is_replaced(frail: ServerProcess) -> None:
    with frail.client.stream("POST", "/api/generate", json=LONG) as response:
        lines = response.iter_lines()
        next(lines)
        (runner,) = frail.runners()
        os.kill(runner, signal.SIGKILL)
        last = json.loads(list(lines)[-1])
    assert last["error"].startswith("an error was encountered while running the model:")
    assert "SIGKILL" in last["error"]
    assert frail.generate("Hi")["done"] is True
    assert frail.runners() != [runner]


def test_a_killed_runner_fails_waiting_whole_answers_with_a_500(frail: ServerProcess) -> None:
    frail.generate("Hi")
    answers: list[httpx.Response] = []
    body = {**LONG, "stream": False}
    thread = threading.Thread(
        target=lambda: answers.append(frail.client.post("/api/generate", json=body))
    )
    thread.start()
    wait_until(lambda: frail.metric("ollama_sequences", state="running") == 1)
    os.kill(frail.runners()[0], signal.SIGKILL)
    thread.join()
    assert answers[0].status_code == 500
    assert "unexpectedly stopped" in answers[0].json()["error"]


def test_a_dead_idle_runner_is_not_listed(frail: ServerProcess) -> None:
    frail.generate("Hi")
    os.kill(frail.runners()[0], signal.SIGKILL)
    wait_until(lambda: not frail.loaded())
    assert frail.runners() == []


def test_runners_end_with_a_killed_server(home: Path) -> None:
    process = ServerProcess(home)
    process.generate("Hi")
    (runner,) = process.runners()
    assert not _is_gone(runner)
    process.kill()
    wait_until(lambda: _is_gone(runner))


def _is_gone(pid: int) -> bool:
    try:
        return "State:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return True


def test_a_client_that_hangs_up_while_its_model_loads_stops_the_load(home: Path) -> None:
    process = ServerProcess(home)
    hang_up_after(process, LONG, 0)
    wait_until(lambda: process.metric("ollama_http_requests_total", status="499") == 1)
    wait_until(lambda: not process.runners())
    assert process.loaded() == []
    process.close()


def test_a_load_that_nobody_waits_for_is_not_taken_for_a_runner_that_died(home: Path) -> None:
    process = ServerProcess(home)
    with asked(process, LONG):
        wait_until(lambda: bool(process.runners()))
    wait_until(lambda: process.metric("ollama_http_requests_total", status="499") == 1)
    wait_until(lambda: not process.runners())
    process.close()
    assert not [line for line in process.lines if "out of memory" in line]


def test_a_load_that_everybody_left_does_not_harm_who_comes_then(home: Path) -> None:
    process = ServerProcess(home)
    for _ in range(5):
        hang_up_after(process, LONG, 0)
    assert process.generate("Hi")["done"] is True
    process.close()


def test_the_server_ends_in_the_middle_of_a_stream(home: Path) -> None:
    process = ServerProcess(home)
    with process.client.stream("POST", "/api/generate", json=LONG) as response:
        next(response.iter_lines())
        (runner,) = process.runners()
        assert not _is_gone(runner)
        process.close()
    wait_until(lambda: _is_gone(runner))


def test_a_full_queue_answers_503_and_loaded_models_still_serve(frail: ServerProcess) -> None:
    frail.generate("Hi")
    # Each asks for another context, so that each needs a load and waits for the one before it.
    with frail.client.stream("POST", "/api/generate", json=LONG) as response:
        next(response.iter_lines())
        with ThreadPoolExecutor(6) as pool:
            bodies = [{"model": "tiny", "options": {"num_ctx": 200 + i}} for i in range(6)]
            posts = [pool.submit(frail.client.post, "/api/generate", json=b) for b in bodies]
            wait_until(lambda: sum(post.done() for post in posts) == 4)
            refused = [post.result() for post in posts if post.done()]
            response.close()
        statuses = sorted(post.result().status_code for post in posts)
    assert statuses == [200, 200, 503, 503, 503, 503]
    text = "server busy, please try again.  maximum pending requests exceeded"
    assert refused[0].json() == {"error": text}


def test_a_queue_without_room_still_loads_for_the_first(home: Path) -> None:
    process = ServerProcess(home, MAX_QUEUE="0")
    assert process.generate("Hi")["done"] is True
    process.close()


def test_a_model_too_big_for_the_memory_is_refused_with_advice(frail: ServerProcess) -> None:
    path = frail.home / "huge.gguf"
    write_model(path, context_length=2**31 - 1)
    frail.create("huge", files={"huge.gguf": frail.upload(path.read_bytes())})
    response = frail.post("/api/generate", model="huge", options={"num_ctx": 2**31 - 1})
    assert response.status_code == 500
    assert "requires more system memory" in response.json()["error"]
    assert frail.generate("Hi")["done"] is True


def test_an_unknown_architecture_is_named_with_advice(frail: ServerProcess) -> None:
    path = frail.home / "odd.gguf"
    write_model(path, architecture="squirrel")
    frail.create("odd", files={"odd.gguf": frail.upload(path.read_bytes())})
    response = frail.post("/api/generate", model="odd")
    assert response.status_code == 500
    assert "squirrel" in response.json()["error"]
    assert response.json()["error"].endswith("try updating it by running `ollama pull odd:latest`")
    assert frail.generate("Hi")["done"] is True


def test_weights_that_vanish_are_a_clear_error(frail: ServerProcess) -> None:
    frail.create("ghost", files={"a.gguf": frail.upload(TINY.read_bytes() + b"ghost")})
    shown = frail.post("/api/show", model="ghost").json()
    blob = next(x.split()[1] for x in shown["modelfile"].splitlines() if x.startswith("FROM"))
    Path(blob).unlink()
    response = frail.post("/api/chat", model="ghost", messages=[{"role": "user", "content": "x"}])
    assert response.status_code in (400, 404)
    assert "ghost" in response.json()["error"]


def write_model(path: Path, *, architecture: str = "llama", context_length: int = 64) -> None:
    """A header that promises a model, and one small tensor."""
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_context_length(context_length)
    writer.add_block_count(4)
    writer.add_embedding_length(1024)
    writer.add_head_count(8)
    writer.add_uint64(f"{architecture}.feed_forward_length", 64)
    import numpy as np

    writer.add_tensor("token_embd.weight", np.zeros((4, 1024), np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
