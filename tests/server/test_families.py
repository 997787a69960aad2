"""What the OpenAI and Anthropic families look like on the wire."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gguf
import pytest
import zstandard

from tests.process import TINY, ServerProcess
from tests.weights import with_pooling

HELLO: Any = [{"role": "user", "content": "Hello!"}]
CHAT = {"model": "tiny", "messages": HELLO, "max_tokens": 4}
# Long, whatever the model: the answer has to hold so many words.
ENDLESS = {
    "type": "json_schema",
    "json_schema": {"schema": {"type": "array", "items": {"enum": ["word"]}, "minItems": 3000}},
}
V1_POSTS = ["chat/completions", "completions", "embeddings", "responses"]


def frames(text: str) -> list[str]:
    return [frame for frame in text.split("\n\n") if frame]


# --- bodies ---------------------------------------------------------------------------------------


def test_a_compressed_body_is_read(server: ServerProcess) -> None:
    body = zstandard.compress(json.dumps(CHAT).encode())
    headers = {"content-encoding": "zstd"}
    response = server.client.post("/v1/chat/completions", content=body, headers=headers)
    assert response.status_code == 200


def test_a_broken_compressed_body_is_refused_without_an_envelope(server: ServerProcess) -> None:
    headers = {"content-encoding": "zstd"}
    response = server.client.post("/v1/messages", content=b"{}", headers=headers)
    assert response.status_code == 400
    assert list(response.json()) == ["error"]
    assert isinstance(response.json()["error"], str)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "EOF"),
        (b"{", "unexpected EOF"),
        (b"x", "invalid character 'x' looking for beginning of value"),
        (
            b'{"model": 3}',
            "json: cannot unmarshal number into Go struct field "
            "ChatCompletionRequest.model of type string",
        ),
    ],
)
def test_what_is_no_request_is_named_in_the_envelope(
    server: ServerProcess, body: bytes, message: str
) -> None:
    response = server.client.post("/v1/chat/completions", content=body)
    assert response.status_code == 400
    assert response.json() == {
        "error": {
            "message": message,
            "type": "invalid_request_error",
            "param": None,
            "code": None,
        }
    }


def test_field_names_match_without_regard_to_case(server: ServerProcess) -> None:
    body = {"MODEL": "tiny", "Messages": HELLO, "Max_Tokens": 1}
    assert server.post("/v1/chat/completions", **body).status_code == 200


# --- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("route", "status", "message"),
    [
        ("chat/completions", 400, "model is required"),
        ("responses", 400, "model is required"),
        ("completions", 404, "model '' not found"),
        ("embeddings", 404, "model '' not found"),
    ],
)
def test_a_missing_model(server: ServerProcess, route: str, status: int, message: str) -> None:
    body = {"messages": HELLO, "input": "x", "prompt": "x"}
    response = server.post(f"/v1/{route}", **body)
    assert (response.status_code, response.json()["error"]["message"]) == (status, message)


@pytest.mark.parametrize("route", V1_POSTS)
def test_a_malformed_model_name(server: ServerProcess, route: str) -> None:
    response = server.post(f"/v1/{route}", model="a b", messages=HELLO, input="x", prompt="x")
    assert response.status_code == 400
    assert response.json()["error"]["message"] == "invalid model name"


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("route", [*V1_POSTS, "messages"])
def test_an_unknown_model_keeps_its_status_in_a_stream(
    server: ServerProcess, route: str, stream: bool
) -> None:
    body = {"messages": HELLO, "input": "x", "prompt": "x", "max_tokens": 1, "stream": stream}
    response = server.post(f"/v1/{route}", model="nothing", **body)
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/json"
    assert response.json()["error"]["type"] == "not_found_error"


def test_anthropics_envelope_names_the_request(server: ServerProcess) -> None:
    body = server.post("/v1/messages", model="nothing", messages=HELLO, max_tokens=1).json()
    assert body.pop("request_id").startswith("req_")
    error = {"type": "not_found_error", "message": "model 'nothing' not found"}
    assert body == {"type": "error", "error": error}


@pytest.mark.parametrize("path", ["images/generations", "responses/resp_1", "files", "batches"])
def test_routes_that_do_not_exist_are_plain_text(server: ServerProcess, path: str) -> None:
    response = server.client.get(f"/v1/{path}")
    assert (response.status_code, response.text) == (404, "404 page not found")


def test_a_known_route_with_another_method_is_plain_text(server: ServerProcess) -> None:
    response = server.client.get("/v1/chat/completions")
    assert (response.status_code, response.text) == (405, "405 method not allowed")


# --- streams --------------------------------------------------------------------------------------


def test_a_chat_stream_on_the_wire(server: ServerProcess) -> None:
    response = server.post("/v1/chat/completions", **CHAT, stream=True)
    assert response.headers["content-type"] == "text/event-stream"
    parts = frames(response.text)
    assert all(part.startswith("data: ") and "\n" not in part for part in parts)
    assert parts[-1] == "data: [DONE]"


@pytest.mark.parametrize(
    ("path", "first", "last"),
    [
        ("/v1/responses", "response.created", "response.completed"),
        ("/v1/messages", "message_start", "message_stop"),
    ],
)
def test_named_streams_on_the_wire(server: ServerProcess, path: str, first: str, last: str) -> None:
    response = server.post(
        path, model="tiny", input="Hello!", messages=HELLO, max_tokens=4, stream=True
    )
    assert response.headers["content-type"] == "text/event-stream"
    assert response.headers["cache-control"] == "no-cache"
    names = [part.split("\n")[0] for part in frames(response.text)]
    assert (names[0], names[-1]) == (f"event: {first}", f"event: {last}")
    assert "[DONE]" not in response.text


def test_a_prompt_can_be_seen_instead_of_answered(server: ServerProcess) -> None:
    body = server.post("/v1/chat/completions", **CHAT, _debug_render_only=True).json()
    assert "Hello!" in body["_debug_info"]["rendered_template"]


def test_a_completion_without_a_prompt_loads_the_model(server: ServerProcess) -> None:
    body = server.post("/v1/completions", model="tiny").json()
    assert body["choices"] == [{"text": "", "index": 0, "finish_reason": "load"}]


@pytest.mark.parametrize(
    ("path", "body", "event"),
    [
        ("/v1/chat/completions", {"messages": HELLO, "response_format": ENDLESS}, "data: "),
        (
            "/v1/responses",
            {
                "input": "Hello!",
                "text": {"format": {"type": "json_schema", **ENDLESS["json_schema"]}},
            },
            "event: error",
        ),
        (
            "/v1/messages",
            {
                "messages": HELLO,
                "max_tokens": 4000,
                "output_config": {"format": {"type": "json_schema", **ENDLESS["json_schema"]}},
            },
            "event: error",
        ),
    ],
)
def test_a_runner_that_dies_in_mid_stream_is_an_error_event(
    home: Path, path: str, body: dict[str, Any], event: str
) -> None:
    thoughtless = {
        "reasoning_effort": "none",
        "reasoning": {"effort": "none"},
        "thinking": {"type": "disabled"},
    }
    server = ServerProcess(home)
    try:
        request = {"model": "tiny", "stream": True, **thoughtless, **body}
        text = ""
        killed = False
        with server.client.stream("POST", path, json=request) as response:
            assert response.status_code == 200
            for piece in response.iter_text():
                text += piece
                if "word" in text and not killed:
                    killed = True
                    for runner in server.runners():
                        os.kill(runner, signal.SIGKILL)
    finally:
        server.close()
    failures = [part for part in frames(text) if '"error":{' in part]
    assert failures
    assert failures[0].startswith(event)
    assert "model runner has unexpectedly stopped" in failures[0]
    assert "[DONE]" not in text


# --- keys -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    home = tmp_path_factory.mktemp("locked")
    (home / "keys").write_text("from-file\n")
    server = ServerProcess(home, API_KEYS="one", API_KEYS_FILE=str(home / "keys"))
    yield server
    server.close()


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer one"},
        {"authorization": "Bearer from-file"},
        {"x-api-key": "one"},
    ],
)
def test_a_key_opens_all_routes(locked: ServerProcess, headers: dict[str, str]) -> None:
    for path in ("/api/tags", "/v1/models", "/"):
        assert locked.client.get(path, headers=headers).status_code == 200


def test_without_a_key_each_family_refuses_in_its_words(locked: ServerProcess) -> None:
    bodies = [locked.client.get(path) for path in ("/api/tags", "/v1/models", "/v1/messages")]
    assert [response.status_code for response in bodies] == [401] * 3
    assert [set(response.json()) for response in bodies] == [
        {"error"},
        {"error"},
        {"type", "error", "request_id"},
    ]


def test_a_browser_may_ask_without_a_key(locked: ServerProcess) -> None:
    headers = {
        "origin": "http://localhost:3000",
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization",
    }
    assert locked.client.options("/v1/models", headers=headers).status_code == 204


# --- reranking ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def reranker(server: ServerProcess, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The embedded model with a head that says how much two texts have to do with one another."""
    path = tmp_path_factory.mktemp("reranker") / "reranker.gguf"
    with_pooling(TINY, path, gguf.PoolingType.RANK, name="reranker")
    digest = server.upload(path.read_bytes())
    server.create("reranker", files={"reranker.gguf": digest})
    return "reranker"


@pytest.mark.parametrize("path", ["/v1/rerank", "/api/rerank"])
def test_documents_are_ranked(server: ServerProcess, reranker: str, path: str) -> None:
    documents = ["The sky is blue.", {"text": "Cats sleep."}, "Docker runs containers."]
    body = {"model": reranker, "query": "sky", "documents": documents, "return_documents": True}
    answer = server.post(path, **body).json()
    scores = [item["relevance_score"] for item in answer["results"]]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    assert sorted(item["index"] for item in answer["results"]) == [0, 1, 2]
    texts = {item["index"]: item["document"]["text"] for item in answer["results"]}
    assert texts[1] == "Cats sleep."
    assert answer["usage"]["total_tokens"] > 0


def test_only_the_best_documents_are_returned(server: ServerProcess, reranker: str) -> None:
    body = {"model": reranker, "query": "sky", "documents": ["a", "b", "c"], "top_n": 1}
    (item,) = server.post("/v1/rerank", **body).json()["results"]
    assert set(item) == {"index", "relevance_score"}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"model": ""}, "model is required"),
        ({"query": ""}, "query is required"),
        ({"documents": []}, "documents is required"),
        ({"documents": [3]}, "documents[0] must be a string or an object with a text"),
    ],
)
def test_rerank_requests_are_checked(
    server: ServerProcess, fields: dict[str, Any], message: str
) -> None:
    body = {"model": "tiny", "query": "q", "documents": ["d"], **fields}
    response = server.post("/v1/rerank", **body)
    assert (response.status_code, response.json()["error"]["message"]) == (400, message)
    assert server.post("/api/rerank", **body).json() == {"error": message}


def test_a_chat_model_does_not_rank(server: ServerProcess) -> None:
    response = server.post("/v1/rerank", model="tiny", query="q", documents=["d"])
    assert response.status_code == 501
