"""API keys and the envelopes of a refusal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.responses import PlainTextResponse

from ollama_server.auth import ApiKeyMiddleware, load_keys
from ollama_server.errors import ServerError


async def ask(path: str, method: str = "GET", **headers: str) -> httpx.Response:
    app = ApiKeyMiddleware(PlainTextResponse("in"), load_keys("one, two", ""))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        return await client.request(method, path, headers=fields)


@pytest.mark.parametrize(
    "headers",
    [{"authorization": "Bearer one"}, {"authorization": "bearer two"}, {"x_api_key": "two"}],
)
async def test_a_known_key_is_let_in(headers: dict[str, str]) -> None:
    assert (await ask("/v1/models", **headers)).text == "in"


@pytest.mark.parametrize(
    ("headers", "text"),
    [
        ({}, "an API key is required"),
        ({"authorization": "Bearer three"}, "invalid API key"),
        ({"authorization": "Basic one"}, "an API key is required"),
        ({"x_api_key": "on"}, "invalid API key"),
    ],
)
async def test_anything_else_is_refused(headers: dict[str, str], text: str) -> None:
    response = await ask("/api/tags", **headers)
    assert (response.status_code, response.json()) == (401, {"error": text})
    assert response.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/v1/chat/completions", {"type": "api_error", "param": None, "code": None}),
        ("/v1/messages", {"type": "authentication_error"}),
        ("/v1/messages/count_tokens", {"type": "authentication_error"}),
    ],
)
async def test_each_family_has_its_own_refusal(path: str, expected: dict[str, Any]) -> None:
    error = (await ask(path, "POST")).json()["error"]
    assert error == {"message": "an API key is required", **expected}


async def test_a_browser_may_ask_without_a_key_what_it_may_send() -> None:
    assert (await ask("/v1/models", "OPTIONS")).text == "in"


def test_keys_come_from_the_variable_and_the_file(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text("# team\nalpha\n\n  beta  \n")
    keys = load_keys("one", str(file))
    assert [keys.accepts(key) for key in ("one", "alpha", "beta")] == [True] * 3
    assert not keys.accepts("# team")
    assert not keys.accepts("")


def test_no_keys_mean_no_check() -> None:
    assert not load_keys(" , ", "")


@pytest.mark.parametrize("content", [None, "# nothing yet\n"])
def test_a_file_without_keys_keeps_the_server_from_starting(
    tmp_path: Path, content: str | None
) -> None:
    file = tmp_path / "keys"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ServerError, match="OLLAMA_API_KEYS_FILE"):
        load_keys("", str(file))


async def test_a_refusal_is_json() -> None:
    response = await ask("/v1/models")
    assert response.headers["content-type"] == "application/json"
    assert json.loads(response.content)["error"]["type"] == "api_error"
