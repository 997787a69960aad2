"""How long models stay loaded, and what /api/ps says about it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.process import TINY, ServerProcess, wait_until


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server that keeps at most two models; ``tiny`` and two others of different weights."""
    process = ServerProcess(tmp_path_factory.mktemp("keep"), MAX_LOADED_MODELS="2")
    weights = TINY.read_bytes()
    for name in ("second", "third"):
        # Bytes behind the last tensor change the digest, and with it the runner.
        process.create(name, files={"a.gguf": process.upload(weights + name.encode())})
    yield process
    process.close()


@pytest.fixture(autouse=True)
def _empty(server: ServerProcess) -> None:
    for model in server.loaded():
        server.post("/api/generate", model=model["name"], keep_alive=0)
    wait_until(lambda: not server.loaded() and not server.runners())


def load(server: ServerProcess, model: str = "tiny", **body: Any) -> None:
    response = server.post("/api/generate", model=model, **body)
    assert response.json()["done_reason"] == "load"


def names(server: ServerProcess) -> set[str]:
    return {model["name"] for model in server.loaded()}


def expires_in(server: ServerProcess) -> float:
    text = server.loaded()[0]["expires_at"]
    if text.startswith("2"):
        # fromisoformat takes six digits of the nine that there may be.
        return datetime.fromisoformat(text).timestamp() - time.time()
    raise AssertionError(text)


def test_a_request_without_prompt_loads(server: ServerProcess) -> None:
    answer = server.post("/api/generate", model="tiny").json()
    assert answer["done"] is True
    assert (answer["response"], answer["done_reason"]) == ("", "load")
    assert names(server) == {"tiny:latest"}


def test_a_chat_without_messages_loads(server: ServerProcess) -> None:
    answer = server.post("/api/chat", model="tiny").json()
    assert answer["done_reason"] == "load"
    assert answer["message"] == {"role": "assistant", "content": ""}
    assert names(server) == {"tiny:latest"}


def test_ps_tells_size_context_and_expiry(server: ServerProcess) -> None:
    load(server, options={"num_ctx": 512})
    (model,) = server.loaded()
    assert model["model"] == model["name"] == "tiny:latest"
    assert model["context_length"] == 512
    assert model["size"] > TINY.stat().st_size
    assert model["size_vram"] == 0
    assert model["details"]["parent_model"] == ""
    assert len(model["digest"]) == 64
    assert 200 < expires_in(server) < 310


def test_a_context_beyond_the_trained_one_is_cut_to_it(server: ServerProcess) -> None:
    load(server, options={"num_ctx": 10**6})
    trained = server.post("/api/show", model="tiny").json()["model_info"]["qwen3.context_length"]
    assert server.loaded()[0]["context_length"] == trained


@pytest.mark.parametrize("value", [0, "0", "0s"])
def test_keep_alive_zero_without_prompt_unloads_at_once(server: ServerProcess, value: Any) -> None:
    load(server)
    answer = server.post("/api/generate", model="tiny", keep_alive=value).json()
    assert (answer["done"], answer["done_reason"]) == (True, "unload")
    wait_until(lambda: not server.loaded())


def test_unloading_what_is_not_loaded_is_the_same_reply(server: ServerProcess) -> None:
    answer = server.post("/api/chat", model="tiny", messages=[], keep_alive=0).json()
    assert answer["done_reason"] == "unload"
    assert server.runners() == []


def test_unloading_what_does_not_exist_is_a_404(server: ServerProcess) -> None:
    assert server.post("/api/generate", model="nope", keep_alive=0).status_code == 404


def test_keep_alive_zero_with_a_prompt_runs_first(server: ServerProcess) -> None:
    assert server.generate("Hi", keep_alive=0)["done"] is True
    wait_until(lambda: not server.loaded())


def test_a_model_goes_when_its_time_is_up(server: ServerProcess) -> None:
    load(server, keep_alive=0.2)
    wait_until(lambda: not server.loaded() and not server.runners())
    assert server.generate("Hi")["done"] is True


def test_keep_alive_stays_with_the_model(server: ServerProcess) -> None:
    load(server, keep_alive="1h")
    server.generate("Hi")
    assert 3000 < expires_in(server) < 3700


def test_the_time_starts_anew_when_the_model_is_idle_again(server: ServerProcess) -> None:
    load(server, keep_alive="1h")
    before = server.loaded()[0]["expires_at"]
    assert server.generate("Hi", keep_alive=None)["done"] is True
    assert server.loaded()[0]["expires_at"] > before


def test_ps_lists_the_last_to_expire_first(server: ServerProcess) -> None:
    load(server, "tiny", keep_alive="10m")
    load(server, "second", keep_alive="1h")
    assert [model["name"] for model in server.loaded()] == ["second:latest", "tiny:latest"]
    load(server, "tiny", keep_alive=-1)
    assert [model["name"] for model in server.loaded()] == ["tiny:latest", "second:latest"]


@pytest.mark.parametrize("value", [-1, "-1m"])
def test_negative_keep_alive_is_for_ever(server: ServerProcess, value: Any) -> None:
    load(server, keep_alive=value)
    assert int(server.loaded()[0]["expires_at"][:4]) > 2300


def test_changed_load_options_load_again(server: ServerProcess) -> None:
    load(server, options={"num_ctx": 256})
    before = server.runners()
    load(server, options={"num_ctx": 256, "temperature": 1, "num_predict": 5})
    assert server.runners() == before
    load(server, options={"num_ctx": 300})
    assert server.loaded()[0]["context_length"] == 300
    wait_until(lambda: len(server.runners()) == 1)
    assert server.runners() != before


def test_simultaneous_requests_share_one_load(server: ServerProcess) -> None:
    threads = [threading.Thread(target=load, args=(server,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    runners = server.runners()
    assert len(runners) == 1
    load(server)
    assert server.runners() == runners
    assert server.metric("ollama_queue_length") == 0


def test_the_least_recently_used_model_makes_room(server: ServerProcess) -> None:
    load(server, "tiny")
    load(server, "second")
    load(server, "tiny")
    load(server, "third")
    assert names(server) == {"tiny:latest", "third:latest"}
    wait_until(lambda: len(server.runners()) == 2)


def test_unloading_a_busy_model_waits_for_its_work(server: ServerProcess) -> None:
    body = {"model": "tiny", "prompt": "Count", "raw": True, "options": {"num_predict": 200}}
    with server.client.stream("POST", "/api/generate", json=body) as response:
        lines = response.iter_lines()
        next(lines)
        answer = server.post("/api/generate", model="tiny", keep_alive=0).json()
        assert answer["done_reason"] == "unload"
        last = list(lines)[-1]
    assert '"done":true' in last
    wait_until(lambda: not server.loaded())


def test_unloading_a_model_that_waits_to_be_loaded_lets_it_go_after_its_work(
    server: ServerProcess,
) -> None:
    endless = {"type": "array", "items": {"type": "integer"}, "minItems": 4000}
    body = {"model": "tiny", "prompt": "Count", "raw": True, "format": endless}
    with ThreadPoolExecutor() as pool:
        with server.client.stream("POST", "/api/generate", json=body) as busy:
            next(busy.iter_lines())
            waits = pool.submit(server.generate, "Hi", options={"num_ctx": 256})
            wait_until(lambda: server.metric("ollama_queue_length") == 1)
            answer = server.post("/api/generate", model="tiny", keep_alive=0).json()
            assert answer["done_reason"] == "unload"
            assert not waits.done()
        assert waits.result()["done"] is True
    wait_until(lambda: not server.loaded())


def test_a_reload_waits_for_running_work(server: ServerProcess) -> None:
    options = {"num_predict": 200, "num_ctx": 512}
    body = {"model": "tiny", "prompt": "Count", "raw": True, "options": options}
    with server.client.stream("POST", "/api/generate", json=body) as response:
        lines = response.iter_lines()
        next(lines)
        other = threading.Thread(target=load, args=(server,), kwargs={"options": {"num_ctx": 256}})
        other.start()
        last = list(lines)[-1]
    other.join()
    assert '"done":true' in last
    assert server.loaded()[0]["context_length"] == 256


def test_deleting_a_loaded_model_leaves_it_running(server: ServerProcess) -> None:
    server.post("/api/copy", source="tiny", destination="doomed").raise_for_status()
    load(server, "doomed")
    server.client.request("DELETE", "/api/delete", json={"model": "doomed"}).raise_for_status()
    assert names(server) == {"doomed:latest"}
    assert server.post("/api/generate", model="doomed").status_code == 404
    # Nobody can unload it by its name any more, but by another name of its weights.
    server.post("/api/generate", model="tiny", keep_alive=0)
    wait_until(lambda: not server.loaded())


def test_a_new_system_text_takes_effect_in_the_runner_that_is_there(server: ServerProcess) -> None:
    def prompt() -> str:
        body = {"model": "spoken", "prompt": "Hi", "_debug_render_only": True}
        text: str = server.post("/api/generate", **body).json()["_debug_info"]["rendered_template"]
        return text

    server.create("spoken", **{"from": "tiny"}, system="Speak like a pirate.")
    assert "pirate" in prompt()
    runners, digest = server.runners(), server.loaded()[0]["digest"]
    server.create("spoken", **{"from": "tiny"}, system="Speak like a poet.")
    assert "poet" in prompt()
    assert server.runners() == runners
    # What was loaded is listed as it was when it was loaded.
    assert server.loaded()[0]["digest"] == digest


def test_new_weights_under_an_old_name_get_a_runner_of_their_own(server: ServerProcess) -> None:
    weights = TINY.read_bytes()
    server.create("changing", files={"a.gguf": server.upload(weights + b"one")})
    server.post("/api/copy", source="changing", destination="kept").raise_for_status()
    assert server.generate("Hi", model="changing")["done"] is True
    (first,) = server.runners()
    server.create("changing", files={"a.gguf": server.upload(weights + b"two")})
    assert server.generate("Hi", model="changing")["done"] is True
    assert len(server.runners()) == 2
    assert [model["name"] for model in server.loaded()] == ["changing:latest"] * 2
    # The old one still serves those who name its weights.
    server.post("/api/generate", model="kept", keep_alive=0)
    wait_until(lambda: first not in server.runners())


def test_the_environment_says_how_long_a_fresh_load_stays(home: Path) -> None:
    process = ServerProcess(home, KEEP_ALIVE="0")
    assert process.generate("Hi")["done"] is True
    wait_until(lambda: not process.loaded())
    load(process, keep_alive="1h")
    assert 3000 < expires_in(process) < 3700
    process.close()
