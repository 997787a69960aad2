"""What a model cannot do is refused before it is loaded, and the first mistake counts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.process import ServerProcess

# Completes text and can nothing else: no tools, no thinking, no tokens to fill in the middle.
PLAIN = Path(__file__).parents[2] / "models" / "sight" / "sight.gguf"
FULL = "registry.ollama.ai/library/plain:latest"
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
BAD_OPTION = {"options": {"num_ctx": "big"}}
RAW_CONFLICT = "raw mode does not support template, system, or context"


@pytest.fixture(scope="module", autouse=True)
def plain(server: ServerProcess) -> Iterator[None]:
    server.create("plain", files={"a.gguf": server.upload(PLAIN.read_bytes())})
    server.create("painter", **{"from": "plain"}, info={"capabilities": ["image"]})
    yield
    for name in ("plain", "painter"):
        server.client.request("DELETE", "/api/delete", json={"model": name})


def refused(server: ServerProcess, path: str, **body: Any) -> tuple[int, str]:
    question = {"prompt": "Hi", "messages": [{"role": "user", "content": "Hi"}]}
    response = server.post(path, **{"model": "plain", "stream": True, **question, **body})
    assert response.headers["content-type"].startswith("application/json"), response.text
    return response.status_code, response.json()["error"]


@pytest.mark.parametrize("path", ["/api/generate", "/api/chat"])
@pytest.mark.parametrize("think", [True, "high"])
def test_thinking_is_refused_by_a_model_that_does_not(
    server: ServerProcess, path: str, think: Any
) -> None:
    assert refused(server, path, think=think) == (400, '"plain" does not support thinking')


def test_not_thinking_is_fine_with_any_model(server: ServerProcess) -> None:
    assert server.generate("Hi", model="plain", think=False)["done"] is True


def test_tools_are_refused_by_a_model_that_calls_none(server: ServerProcess) -> None:
    assert refused(server, "/api/chat", tools=[TOOL]) == (400, f"{FULL} does not support tools")


def test_a_suffix_is_refused_by_a_model_that_cannot_insert(server: ServerProcess) -> None:
    text = f"{FULL} does not support insert"
    assert refused(server, "/api/generate", suffix="x") == (400, text)
    assert refused(server, "/api/generate", suffix="x", raw=True) == (400, text)


def test_a_suffix_is_no_reason_to_refuse_a_raw_prompt(server: ServerProcess) -> None:
    body = {"model": "tiny", "prompt": "a", "suffix": "b", "raw": True, "_debug_render_only": True}
    answer = server.post("/api/generate", **body).json()
    assert answer["_debug_info"]["rendered_template"] == "a"


def test_a_model_that_makes_images_does_not_complete(server: ServerProcess) -> None:
    text = "image generation models are not currently supported"
    assert refused(server, "/api/generate", model="painter", raw=True, system="x") == (400, text)


@pytest.mark.parametrize(
    ("fields", "status", "error"),
    [
        ({"model": 5, "top_logprobs": 21}, 400, "json: cannot unmarshal"),
        ({"model": "x y", "top_logprobs": 21}, 400, "top_logprobs must be"),
        ({"model": "x y", "raw": True, "system": "x"}, 400, "invalid model name"),
        ({"model": "nope", "raw": True, "system": "x"}, 404, "model 'nope' not found"),
        ({"raw": True, "system": "x", "think": True}, 400, RAW_CONFLICT),
        ({"think": True, "suffix": "x"}, 400, '"plain" does not support thinking'),
        ({"suffix": "x", **BAD_OPTION}, 400, f"{FULL} does not support insert"),
        ({"format": "xml", **BAD_OPTION}, 500, 'option "num_ctx" must be of type integer'),
    ],
)
def test_the_first_mistake_in_ollamas_order_is_the_one_that_counts(
    server: ServerProcess, fields: dict[str, Any], status: int, error: str
) -> None:
    found = refused(server, "/api/generate", **fields)
    assert found[0] == status
    assert found[1].startswith(error)


def test_what_is_refused_loads_nothing(server: ServerProcess) -> None:
    server.post("/api/generate", model="plain", keep_alive=0)
    refused(server, "/api/generate", think=True)
    refused(server, "/api/chat", tools=[TOOL])
    refused(server, "/api/generate", **BAD_OPTION)
    assert "plain:latest" not in [model["name"] for model in server.loaded()]


@pytest.mark.parametrize("path", ["/api/generate", "/api/chat"])
def test_unloading_looks_at_nothing_but_the_name(server: ServerProcess, path: str) -> None:
    body = {"keep_alive": 0, "think": True, "suffix": "x", "raw": True, "system": "x", **BAD_OPTION}
    response = server.post(path, model="plain", tools=[TOOL], **body)
    assert response.json()["done_reason"] == "unload"


@pytest.mark.parametrize("name", ["  tiny ", "tiny:local", "Tiny:latest:LOCAL", "library/tiny"])
def test_blanks_case_and_the_local_source_do_not_count(server: ServerProcess, name: str) -> None:
    body = {"model": name, "options": {"num_predict": 1}, "stream": False}
    answer = server.post("/api/generate", **body, prompt="Hi").json()
    assert (answer["model"], answer["done"]) == (name, True)
    assert server.post("/api/show", model=name).status_code == 200


def test_names_that_are_given_are_taken_as_they_are(server: ServerProcess) -> None:
    # Only names that are looked up have a source; this is a tag.
    server.post("/api/copy", source="tiny", destination="kept:cloud").raise_for_status()
    names = {model["name"] for model in server.client.get("/api/tags").json()["models"]}
    gone = server.client.request("DELETE", "/api/delete", json={"model": "kept:cloud"})
    assert "kept:cloud" in names
    assert gone.status_code == 200
