"""Every mistake of a client has a status and ``{"error": ...}``; nothing is a traceback."""

from __future__ import annotations

from typing import Any

import pytest

from tests.process import ServerProcess

JSON_ROUTES = [
    "/api/generate",
    "/api/chat",
    "/api/embed",
    "/api/embeddings",
    "/api/show",
    "/api/copy",
    "/api/create",
    "/api/tokenize",
    "/api/detokenize",
]


@pytest.mark.parametrize("path", JSON_ROUTES)
@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", "missing request body"),
        (b'{"model": "tiny"', "unexpected EOF"),
        (b"{model: tiny}", "invalid character 'm' looking for beginning of object key string"),
    ],
)
def test_bodies_that_are_no_json(server: ServerProcess, path: str, body: bytes, error: str) -> None:
    response = server.client.post(path, content=body)
    assert (response.status_code, response.json()) == (400, {"error": error})


@pytest.mark.parametrize(
    ("path", "name", "status", "error"),
    [
        ("/api/generate", "", 404, "model '' not found"),
        ("/api/generate", "x y", 400, "invalid model name"),
        ("/api/generate", "nope", 404, "model 'nope' not found"),
        ("/api/chat", "", 400, "model is required"),
        ("/api/chat", "a@b", 400, "invalid model name"),
        ("/api/chat", "nope:7b", 404, "model 'nope:7b' not found"),
        ("/api/embed", "", 404, "model '' not found"),
        ("/api/embed", "x y", 400, "invalid model name"),
        ("/api/embed", "nope", 404, 'model "nope" not found, try pulling it first'),
        ("/api/embeddings", "", 400, "model is required"),
        ("/api/embeddings", "x y", 400, "invalid model name"),
        ("/api/embeddings", "nope", 404, 'model "nope" not found, try pulling it first'),
        ("/api/show", "", 400, "model is required"),
        ("/api/show", "x y", 400, "invalid model name"),
        ("/api/show", "nope", 404, "model 'nope:latest' not found"),
        ("/api/tokenize", "", 400, "model is required"),
    ],
)
def test_names_that_are_wrong(
    server: ServerProcess, path: str, name: str, status: int, error: str
) -> None:
    response = server.post(path, model=name)
    assert (response.status_code, response.json()) == (status, {"error": error})


@pytest.mark.parametrize(
    ("name", "status", "error"),
    [
        ("", 400, "model is required"),
        ("x y", 400, 'name "x y" is invalid'),
        ("nope", 404, "model 'nope' not found"),
    ],
)
def test_deleting_what_is_not_there(
    server: ServerProcess, name: str, status: int, error: str
) -> None:
    response = server.client.request("DELETE", "/api/delete", json={"model": name})
    assert (response.status_code, response.json()) == (status, {"error": error})


@pytest.mark.parametrize(
    ("source", "destination", "status", "error"),
    [
        ("x y", "a", 400, 'source "x y" is invalid'),
        ("tiny", "", 400, 'destination "" is invalid'),
        ("nope", "a", 404, 'model "nope" not found'),
    ],
)
def test_copying_what_cannot_be_copied(
    server: ServerProcess, source: str, destination: str, status: int, error: str
) -> None:
    response = server.post("/api/copy", source=source, destination=destination)
    assert (response.status_code, response.json()) == (status, {"error": error})


@pytest.mark.parametrize("path", ["/api/generate", "/api/chat"])
@pytest.mark.parametrize(
    ("fields", "status", "error"),
    [
        ({"top_logprobs": 21}, 400, "top_logprobs must be between 0 and 20"),
        ({"top_logprobs": -1}, 400, "top_logprobs must be between 0 and 20"),
        ({"keep_alive": "10"}, 400, 'time: missing unit in duration "10"'),
        ({"options": {"num_ctx": "big"}}, 500, 'option "num_ctx" must be of type integer'),
        ({"options": {"temperature": "x"}}, 500, 'option "temperature" must be of type float32'),
        ({"options": {"stop": 5}}, 500, 'option "stop" must be of type array'),
        (
            {"format": "xml"},
            500,
            'invalid format: "\\"xml\\""; expected "json" or a valid JSON Schema object',
        ),
    ],
)
def test_fields_that_are_wrong(
    server: ServerProcess, path: str, fields: dict[str, Any], status: int, error: str
) -> None:
    question = {"prompt": "Hi", "messages": [{"role": "user", "content": "Hi"}]}
    response = server.post(path, model="tiny", **question, **fields)
    assert (response.status_code, response.json()) == (status, {"error": error})


@pytest.mark.parametrize(
    "options",
    [
        {"num_batch": 2**31 - 1},
        {"num_batch": -1},
        {"num_thread": 2**31 - 1},
        {"num_ctx": -1},
        {"main_gpu": 99, "num_gpu": 10**9},
        {"repeat_last_n": 2**31 - 1, "repeat_penalty": 1.2},
        {"temperature": 10**400, "top_k": -(10**30)},
    ],
)
def test_absurd_numbers_in_options_are_as_near_as_can_be(
    server: ServerProcess, options: dict[str, Any]
) -> None:
    answer = server.generate("Hi", options={"num_predict": 2, **options})
    assert answer["done_reason"] == "length"


def test_an_absurd_keep_alive_is_for_ever(server: ServerProcess) -> None:
    body = b'{"model": "tiny", "keep_alive": 1' + b"0" * 400 + b"}"
    assert server.client.post("/api/generate", content=body).json()["done_reason"] == "load"
    # The last to expire comes first.
    assert int(server.loaded()[0]["expires_at"][:4]) > 2300
    assert server.post("/api/generate", model="tiny", keep_alive="5m").status_code == 200


def test_top_logprobs_is_checked_before_the_model(server: ServerProcess) -> None:
    response = server.post("/api/chat", model="nope", top_logprobs=50)
    assert response.json() == {"error": "top_logprobs must be between 0 and 20"}


@pytest.mark.parametrize("field", [{"template": "x"}, {"system": "x"}, {"context": [1]}])
def test_raw_excludes_what_templates_need(server: ServerProcess, field: dict[str, Any]) -> None:
    response = server.post("/api/generate", model="tiny", prompt="Hi", raw=True, **field)
    assert response.status_code == 400
    text = "raw mode does not support template, system, or context"
    assert response.json() == {"error": text}


@pytest.mark.parametrize("path", ["/api/generate", "/api/chat"])
def test_images_that_are_no_base64(server: ServerProcess, path: str) -> None:
    images = ["AA==", "data:image/png;base64,A!=="]
    question = {"messages": [{"role": "user", "images": images}]}
    response = server.post(path, model="tiny", prompt="x", images=images, **question)
    assert response.status_code == 400
    assert response.json()["error"].endswith("images[1]: illegal base64 data at input byte 1")


def test_images_for_a_model_without_eyes(server: ServerProcess) -> None:
    response = server.post("/api/generate", model="tiny", prompt="x", images=["AA=="])
    assert (response.status_code, response.json()) == (
        400,
        {"error": '"tiny" does not support images'},
    )


@pytest.mark.parametrize(
    ("part", "text"),
    [
        ({"type": "image"}, "a part must be of type text, image, image_url or input_audio"),
        ("x", "a part must be of type text, image, image_url or input_audio"),
        ({"type": "image", "url": "ftp://h/x"}, "illegal base64 data at input byte 3"),
        ({"type": "input_audio", "input_audio": {}}, "invalid input_audio format: missing data"),
    ],
)
def test_parts_of_a_message_that_cannot_be_read(
    server: ServerProcess, part: Any, text: str
) -> None:
    message = {"role": "user", "content": [{"type": "text", "text": "see"}, part]}
    response = server.post("/api/chat", model="tiny", messages=[message])
    assert response.status_code == 400
    assert response.json() == {"error": f"messages[0].content[1]: {text}"}


@pytest.mark.parametrize("value", [5, {}, True, [1], ["a", 2], [["a"]]])
def test_inputs_that_are_no_text(server: ServerProcess, value: Any) -> None:
    response = server.post("/api/embed", model="nope", input=value)
    assert (response.status_code, response.json()) == (400, {"error": "invalid input type"})


def test_embedding_with_a_chat_model_is_not_supported(server: ServerProcess) -> None:
    response = server.post("/api/embed", model="tiny", input="x")
    assert response.status_code == 501
    assert "does not support embeddings" in response.json()["error"]


def test_cloud_models_are_refused(server: ServerProcess) -> None:
    response = server.post("/api/chat", model="big:cloud", messages=[])
    assert response.status_code == 403
    text = "ollama cloud is disabled: remote model is unavailable"
    assert response.json() == {"error": text}


def test_both_sources_are_too_many(server: ServerProcess) -> None:
    response = server.post("/api/show", model="foo:cloud:local")
    text = 'use either :local or :cloud, not both: "foo:cloud:local"'
    assert (response.status_code, response.json()) == (400, {"error": text})


def test_a_schema_that_cannot_be_enforced_is_a_400(server: ServerProcess) -> None:
    response = server.post(
        "/api/chat",
        model="tiny",
        messages=[{"role": "user", "content": "x"}],
        format={"type": "nonsense"},
    )
    assert response.status_code == 400
    error = response.json()["error"]
    assert error.startswith("invalid format: ")
    assert "nonsense" in error


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}},
        {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]},
    ],
)
def test_a_schema_that_no_text_satisfies(server: ServerProcess, schema: dict[str, Any]) -> None:
    response = server.post("/api/generate", model="tiny", prompt="Hi", format=schema, stream=False)
    assert response.status_code == 400
    error = response.json()["error"]
    assert error.startswith("the format cannot be met: ")
    assert "<state>" not in error
    assert server.generate("Hi")["done"] is True


def test_tokens_outside_the_vocabulary(server: ServerProcess) -> None:
    response = server.post("/api/generate", model="tiny", prompt="Hi", context=[10**8])
    assert response.status_code == 400
    assert "vocabulary" in response.json()["error"]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"think": True}, '"plain" does not support thinking'),
        ({"think": "low"}, '"plain" does not support thinking'),
        (
            {"tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}]},
            "registry.ollama.ai/library/plain:latest does not support tools",
        ),
    ],
)
def test_what_a_model_cannot_do_is_refused(
    server: ServerProcess, body: dict[str, Any], error: str
) -> None:
    server.create("plain", **{"from": "tiny", "parser": "passthrough", "template": "{{ .Prompt }}"})
    messages = [{"role": "user", "content": "Hello"}]
    response = server.post("/api/chat", model="plain", messages=messages, stream=False, **body)
    assert (response.status_code, response.json()) == (400, {"error": error})
    asked = server.chat("Hello", model="plain", think=False)
    assert asked["done"]
