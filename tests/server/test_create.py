"""POST /api/create: frames, statuses, files in pieces, and a store that stays as it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.process import TINY, ServerProcess
from tests.weights import in_pieces


def frames(server: ServerProcess, **body: Any) -> list[dict[str, Any]]:
    """The lines of a stream."""
    response = server.post("/api/create", **body)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in response.text.splitlines()]


def files(server: ServerProcess) -> set[str]:
    """All files of the store."""
    root = server.home / "models"
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def delete(server: ServerProcess, name: str) -> None:
    server.client.request("DELETE", "/api/delete", json={"model": name}).raise_for_status()


def test_a_gguf_file_becomes_a_model_line_by_line(server: ServerProcess) -> None:
    digest = server.upload(TINY.read_bytes())
    lines = frames(server, model="made", files={"a.gguf": digest}, system="Be brief.")
    statuses = [line["status"] for line in lines]
    assert statuses[0] == "parsing GGUF"
    assert statuses[1] == f"using existing layer {digest}"
    assert all(text.startswith(("using", "creating new layer sha256:")) for text in statuses[1:-2])
    assert statuses[-2:] == ["writing manifest", "success"]
    assert server.generate("Hi", model="made")["done"] is True
    delete(server, "made")


def test_a_model_becomes_another_layer_by_layer(server: ServerProcess) -> None:
    lines = frames(server, name="heir", **{"from": "tiny"})
    *layers, writing, success = [line["status"] for line in lines]
    assert all(text.startswith("using existing layer sha256:") for text in layers)
    assert (writing, success) == ("writing manifest", "success")
    shown = server.post("/api/show", model="heir").json()
    assert shown["details"]["parent_model"] == "tiny:latest"
    delete(server, "heir")


def test_without_stream_the_last_frame_is_the_answer(server: ServerProcess) -> None:
    response = server.post("/api/create", model="heir", stream=False, **{"from": "tiny"})
    assert response.json() == {"status": "success"}
    assert response.headers["content-type"] == "application/json"
    delete(server, "heir")


def test_a_model_may_be_made_from_itself(server: ServerProcess) -> None:
    server.create("again", **{"from": "tiny"}, system="One.", parameters={"top_k": 3})
    server.create("again", **{"from": "again"}, system="Two.", parameters={"top_p": 0.5})
    shown = server.post("/api/show", model="again").json()
    assert shown["system"] == "Two."
    assert "top_k" in shown["parameters"]
    assert "top_p" in shown["parameters"]
    assert server.generate("Hi", model="again")["done"] is True
    delete(server, "again")


def test_a_model_in_pieces_is_joined_and_says_the_same(
    server: ServerProcess, tmp_path: Path
) -> None:
    pieces = in_pieces(TINY, tmp_path, tensors=20)
    assert len(pieces) > 2
    digests = {path.name: server.upload(path.read_bytes()) for path in pieces}
    server.create("joined", files=digests)
    question = "Why is the sky blue?"
    assert (
        server.generate(question, model="joined")["response"]
        == server.generate(question)["response"]
    )
    delete(server, "joined")


def test_a_model_that_runs_elsewhere_is_shown_and_unloaded_but_not_run(
    server: ServerProcess,
) -> None:
    server.create("far", **{"from": "gpt-oss:120b"}, remote_host="https://ollama.com")
    details = server.post("/api/show", model="far").json()
    assert details["remote_model"] == "gpt-oss:120b"
    assert details["template"] == "{{ .Prompt }}"
    local = server.post("/api/show", model="far:local")
    assert (local.status_code, local.json()) == (404, {"error": "model 'far:latest' not found"})
    unloaded = server.post("/api/chat", model="far", keep_alive=0)
    assert (unloaded.status_code, unloaded.json()["done_reason"]) == (200, "unload")
    asked = server.post("/api/chat", model="far", messages=[{"role": "user", "content": "Hi"}])
    assert asked.status_code == 403
    delete(server, "far")


def test_messages_of_a_model_keep_their_calls_and_results(server: ServerProcess) -> None:
    function = {"name": "get_weather", "arguments": {"city": "Paris"}}
    messages: list[dict[str, Any]] = [
        {"role": "user", "content": "Paris?"},
        {"role": "assistant", "content": "", "tool_calls": [{"id": "c1", "function": function}]},
        {"role": "tool", "content": "sunny", "tool_name": "get_weather", "tool_call_id": "c1"},
        {"role": "assistant", "content": "Sunny.", "thinking": "The tool says so."},
    ]
    server.create("past", **{"from": "tiny"}, messages=messages)
    ask: list[dict[str, Any]] = [{"role": "user", "content": "And Rome?"}]

    def prompt(model: str, messages: list[dict[str, Any]]) -> str:
        body = {"model": model, "messages": messages, "stream": False, "_debug_render_only": True}
        answer = server.post("/api/chat", **body).json()
        return str(answer["_debug_info"]["rendered_template"])

    assert prompt("past", ask) == prompt("tiny", messages + ask)
    assert "get_weather" in prompt("past", ask)
    assert "sunny" in prompt("past", ask)
    delete(server, "past")


def test_a_model_with_a_missing_piece_is_refused(server: ServerProcess, tmp_path: Path) -> None:
    first, *_ = in_pieces(TINY, tmp_path, tensors=20)
    digest = server.upload(first.read_bytes())
    before = files(server)
    response = server.post("/api/create", model="part", files={first.name: digest}, stream=False)
    assert response.status_code == 500
    assert "shards, expected" in response.json()["error"]
    assert files(server) == before


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"model": "x y", "from": "tiny"}, "invalid model name"),
        ({"from": "tiny"}, "invalid model name"),
        ({"model": "x", "from": "x y"}, "invalid model name"),
        ({"model": "x"}, "neither 'from' or 'files' was specified"),
        ({"model": "x", "files": {}}, "unknown type"),
        ({"model": "x", "files": {"/a.gguf": "sha256:0"}}, "file path must be relative"),
        ({"model": "x", "files": {"../a.gguf": "sha256:0"}}, "file path must be relative"),
        ({"model": "x", "files": {"a.gguf": ""}}, "invalid digest format"),
        (
            {"model": "x", "from": "tiny", "draft_quantize": "F16"},
            "--draft-quantize requires a DRAFT model",
        ),
        ({"model": "x", "from": "tiny", "remote_host": "http://"}, "bad remote"),
        (
            {"model": "x", "from": "tiny", "info": {"context_length": -1}},
            'info field "context_length" must be a non-negative integer',
        ),
    ],
)
def test_what_is_wrong_with_a_request_is_a_400_before_any_line(
    server: ServerProcess, fields: dict[str, Any], error: str, stream: bool
) -> None:
    before = files(server)
    response = server.post("/api/create", stream=stream, **fields)
    assert (response.status_code, response.json()) == (400, {"error": error})
    assert files(server) == before


@pytest.mark.parametrize(
    ("content", "status", "error"),
    [
        (b"this is no model at all", 400, "supplied file was not in GGUF format"),
        (TINY.read_bytes()[:1_000_000], 500, "exceeds file size"),
        (b"GGUF" + bytes(60), 500, "unsupported GGUF version 0"),
    ],
)
def test_what_is_wrong_with_a_file_is_a_line_of_the_stream_or_a_status(
    server: ServerProcess, content: bytes, status: int, error: str
) -> None:
    body = {"model": "broken", "files": {"a.gguf": server.upload(content)}}
    before = files(server)
    first, last = frames(server, **body)
    assert first == {"status": "parsing GGUF"}
    assert error in last["error"]
    whole = server.post("/api/create", stream=False, **body)
    assert whole.status_code == status
    assert error in whole.json()["error"]
    assert files(server) == before
    assert server.post("/api/show", model="broken").status_code == 404


def test_a_blob_that_was_never_uploaded_is_named(server: ServerProcess) -> None:
    digest = "sha256:" + "a" * 64
    response = server.post("/api/create", model="x", files={"a.gguf": digest}, stream=False)
    assert response.status_code == 500
    assert digest in response.json()["error"]


@pytest.mark.parametrize(
    ("fields", "status", "error"),
    [
        ({"template": "{{ .Prompt"}, 400, "template error: template: "),
        ({"license": 5}, 400, "license must be"),
        ({"quantize": "Q9"}, 500, "unsupported quantization type Q9 - supported types are"),
        ({"quantize": "Q4_K_M"}, 500, "quantization is only supported for F16, BF16 and F32"),
        ({"adapters": {"a.gguf": "sha256:" + "a" * 64}}, 400, "is not in the store"),
    ],
)
def test_a_failed_create_leaves_the_model_that_had_the_name(
    server: ServerProcess, fields: dict[str, Any], status: int, error: str
) -> None:
    server.create("steady", **{"from": "tiny"}, system="I stay.")
    before = files(server)
    body = {"model": "steady", "from": "tiny", "stream": False, **fields}
    response = server.post("/api/create", **body)
    assert response.status_code == status, response.text
    assert error in response.json()["error"]
    assert files(server) == before
    assert server.post("/api/show", model="steady").json()["system"] == "I stay."
    delete(server, "steady")
