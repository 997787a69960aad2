"""What an operator sees: metrics, logs of requests, timeouts of loads."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.process import ServerProcess


def test_metrics_count_requests_and_tokens(server: ServerProcess) -> None:
    def numbers() -> list[float]:
        return [
            server.metric("ollama_http_requests_total", path="/api/generate", status="200"),
            server.metric("ollama_prompt_tokens_total", model="tiny:latest"),
            server.metric("ollama_generated_tokens_total", model="tiny:latest"),
            server.metric("ollama_time_to_first_token_seconds_count", model="tiny:latest"),
        ]

    before = numbers()
    answer = server.generate("What is Docker?")
    grown = [after - was for after, was in zip(numbers(), before, strict=True)]
    assert grown == [1, answer["prompt_eval_count"], answer["eval_count"], 1]


def test_metrics_count_what_the_prefix_cache_saved(server: ServerProcess) -> None:
    # Short prompts are not worth a look into the cache.
    prompt = "A prompt that comes twice, word for word, so that it is cached. " * 20
    server.generate(prompt)
    before = server.metric("ollama_prefix_cache_hits_total")
    server.generate(prompt)
    assert server.metric("ollama_prefix_cache_hits_total") == before + 1


def test_metrics_show_models_memory_and_the_queue(server: ServerProcess) -> None:
    server.generate("Hi")
    assert server.metric("ollama_models_loaded") >= 1
    assert server.metric("ollama_model_memory_bytes", place="ram") > 0
    assert server.metric("ollama_kv_cells", state="total") > 0
    assert server.metric("ollama_queue_length") == 0


def test_metrics_never_carry_names_from_paths(server: ServerProcess) -> None:
    server.client.get("/api/secret-path")
    text = server.client.get("/metrics").text
    assert "secret-path" not in text
    assert 'path="other"' in text


def test_a_load_without_progress_times_out(home: Path) -> None:
    process = ServerProcess(home, LOAD_TIMEOUT="1ms")
    response = process.post("/api/generate", model="tiny")
    process.close()
    assert response.status_code == 500
    assert response.json()["error"].startswith("timed out waiting for the model runner to start")


def test_requests_are_written_down_when_asked(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(home))
    process = ServerProcess(home, DEBUG_LOG_REQUESTS="1")
    process.post("/api/generate", model="nope", prompt="remember me")
    process.close()
    (body,) = home.glob("ollama-request-logs-*/*_api_generate_body.json")
    (script,) = body.parent.glob("*_request.sh")
    assert "remember me" in body.read_text()
    assert re.search(r"curl .*api/generate", script.read_text())
    assert body.parent.stat().st_mode & 0o077 == 0


def test_an_origin_that_cannot_be_understood_stops_the_start(home: Path) -> None:
    with pytest.raises(AssertionError, match="OLLAMA_ORIGINS"):
        ServerProcess(home, ORIGINS="no-scheme-and-no-star")


def test_extra_origins_and_all_origins(home: Path) -> None:
    process = ServerProcess(home, ORIGINS="https://app.example,*", NO_EMBEDDED_MODEL="1")
    response = process.client.get("/", headers={"Origin": "https://anything.example"})
    process.close()
    assert response.headers["access-control-allow-origin"] == "*"


def test_a_port_in_use_is_said_so(server: ServerProcess, home: Path) -> None:
    with pytest.raises(AssertionError, match="bind: address already in use"):
        ServerProcess(home, HOST=f"127.0.0.1:{server.port}")
