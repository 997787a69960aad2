"""What an operator sees: metrics, logs of requests, timeouts of loads."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.process import ServerProcess, wait_until


def test_metrics_count_requests_and_tokens(server: ServerProcess) -> None:
    def numbers() -> list[float]:
        return [
            server.metric("ollama_http_requests_total", path="/api/generate", status="200"),
            server.metric("ollama_prompt_tokens_total", model="tiny:latest"),
            server.metric("ollama_generated_tokens_total", model="tiny:latest"),
            server.metric("ollama_time_to_first_token_seconds_count", model="tiny:latest"),
            server.metric("ollama_tokens_per_second_count", model="tiny:latest"),
        ]

    before = numbers()
    answer = server.generate("What is Docker?")
    grown = [after - was for after, was in zip(numbers(), before, strict=True)]
    assert grown == [1, answer["prompt_eval_count"], answer["eval_count"], 1, 1]


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
    # A runner that is slow to answer is left out.
    wait_until(lambda: server.metric("ollama_kv_cells", state="total") > 0)
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
    with pytest.raises(AssertionError, match=r"bind: address already in use\n"):
        ServerProcess(home, HOST=f"127.0.0.1:{server.port}")


def test_every_host_may_be_named_where_all_addresses_are_listened_on(home: Path) -> None:
    process = ServerProcess(home, HOST="0.0.0.0:0", NO_EMBEDDED_MODEL="1")
    response = process.client.get("/", headers={"Host": "models.example"})
    process.close()
    assert response.status_code == 200


def test_what_no_model_uses_goes_at_the_start_unless_that_is_switched_off(home: Path) -> None:
    orphan = home / "models" / "blobs" / f"sha256-{'0' * 64}"
    orphan.parent.mkdir(parents=True)
    orphan.write_bytes(b"nobody needs me")
    os.utime(orphan, (0, 0))
    ServerProcess(home, NO_EMBEDDED_MODEL="1", NOPRUNE="1").close()
    assert orphan.exists()
    ServerProcess(home, NO_EMBEDDED_MODEL="1").close()
    assert not orphan.exists()


def test_llama_cpp_hears_of_the_cache_type_and_of_flash_attention(home: Path) -> None:
    process = ServerProcess(home, KV_CACHE_TYPE="Q8_0", FLASH_ATTENTION="1")
    process.generate("Hi")
    process.close()
    log = "".join(process.lines)
    assert "K (q8_0)" in log
    assert re.search(r"flash_attn +?= enabled", log)


def test_a_cache_type_that_there_is_not_is_refused_with_those_that_there_are(home: Path) -> None:
    process = ServerProcess(home, KV_CACHE_TYPE="q3")
    response = process.post("/api/generate", model="tiny")
    process.close()
    assert response.status_code == 500
    assert response.json()["error"].startswith('unsupported KV cache type "q3": use one of')
