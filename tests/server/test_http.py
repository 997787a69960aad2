"""What holds for every path: methods, redirects, CORS, the Host header."""

from __future__ import annotations

import re
import socket

import httpx
import pytest

from tests.process import ServerProcess

PREFLIGHT_HEADERS = (
    "Authorization,Content-Type,User-Agent,Accept,X-Requested-With,Openai-Beta,"
    "X-Stainless-Arch,X-Stainless-Async,X-Stainless-Custom-Poll-Interval,"
    "X-Stainless-Helper-Method,X-Stainless-Lang,X-Stainless-Os,X-Stainless-Package-Version,"
    "X-Stainless-Poll-Helper,X-Stainless-Retry-Count,X-Stainless-Runtime,"
    "X-Stainless-Runtime-Version,X-Stainless-Timeout"
)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_root_says_that_ollama_is_running(server: ServerProcess, method: str) -> None:
    response = server.client.request(method, "/")
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert response.text == ("Ollama is running" if method == "GET" else "")


@pytest.mark.parametrize("path", ["/api/version", "/api/tags"])
def test_head_works_where_get_does(server: ServerProcess, path: str) -> None:
    assert server.client.head(path).status_code == 200


def test_the_version_is_plain_semver(server: ServerProcess) -> None:
    version = server.client.get("/api/version").json()["version"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", version)


def test_status_says_that_there_is_no_cloud(server: ServerProcess) -> None:
    assert server.client.get("/api/status").json()["cloud"]["disabled"] is True


def test_an_unknown_path_is_plain_text(server: ServerProcess) -> None:
    response = server.client.get("/api/nothing")
    assert (response.status_code, response.text) == (404, "404 page not found")
    assert response.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "/api/show", {"POST"}),
        ("GET", "/api/chat", {"POST"}),
        ("HEAD", "/api/ps", {"GET"}),
        ("POST", "/api/tags", {"GET", "HEAD"}),
        ("PUT", "/api/blobs/sha256:00", {"HEAD", "POST"}),
    ],
)
def test_another_method_is_a_405_that_lists_the_right_ones(
    server: ServerProcess, method: str, path: str, allow: set[str]
) -> None:
    response = server.client.request(method, path)
    assert response.status_code == 405
    assert set(response.headers["allow"].split(", ")) == allow
    assert response.text == ("" if method == "HEAD" else "405 method not allowed")


@pytest.mark.parametrize(
    ("method", "path", "status", "target"),
    [
        ("GET", "/api/tags/", 301, "/api/tags"),
        ("POST", "/api/generate/", 307, "/api/generate"),
        ("HEAD", "/api/tags/", 307, "/api/tags"),
        ("GET", "//api/tags", 301, "/api/tags"),
        ("GET", "/api//tags?a=b", 301, "/api/tags?a=b"),
    ],
)
def test_unclean_paths_are_redirected(
    server: ServerProcess, method: str, path: str, status: int, target: str
) -> None:
    # httpx cleans paths itself; the raw path goes out as it is.
    url = httpx.URL(server.url).copy_with(raw_path=path.encode())
    response = server.client.request(method, url)
    assert (response.status_code, response.headers["location"]) == (status, target)


def test_a_slash_behind_an_unknown_path_is_not_found(server: ServerProcess) -> None:
    assert server.client.get("/api/nothing/").status_code == 404


@pytest.mark.parametrize("path", ["/%0a", "/api/tags%0a", "/api/blobs/sha256:" + 64 * "0" + "%0a"])
def test_a_path_with_a_line_break_behind_it_is_not_found(server: ServerProcess, path: str) -> None:
    response = server.client.get(path)
    assert (response.status_code, response.text) == (404, "404 page not found")


# --- CORS -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "origin",
    [
        "http://localhost",
        "https://localhost:3000",
        "http://127.0.0.1:8080",
        "app://obsidian.md",
        "vscode-webview://abc",
    ],
)
def test_local_origins_may_call(server: ServerProcess, origin: str) -> None:
    response = server.client.get("/api/tags", headers={"Origin": origin})
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == origin
    assert response.headers["vary"] == "Origin"


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost.evil.example"])
@pytest.mark.parametrize("path", ["/", "/api/nothing"])
def test_other_origins_get_an_empty_403(server: ServerProcess, origin: str, path: str) -> None:
    response = server.client.get(path, headers={"Origin": origin})
    assert (response.status_code, response.content) == (403, b"")


def test_a_page_of_this_server_is_no_cross_origin(server: ServerProcess) -> None:
    response = server.client.get("/", headers={"Origin": server.url})
    assert response.status_code == 200
    assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize("path", ["/api/chat", "/no/such/path"])
def test_a_preflight_is_answered_on_any_path(server: ServerProcess, path: str) -> None:
    response = server.client.options(path, headers={"Origin": "http://localhost:3000"})
    assert response.status_code == 204
    headers = response.headers
    assert headers["access-control-allow-origin"] == "http://localhost:3000"
    assert headers["access-control-allow-methods"] == "GET,POST,PUT,PATCH,DELETE,HEAD,OPTIONS"
    assert headers["access-control-allow-headers"] == PREFLIGHT_HEADERS
    assert headers["access-control-max-age"] == "43200"
    assert "access-control-allow-credentials" not in headers


# --- the Host header ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:11434",
        "127.0.0.1",
        "192.168.1.5:11434",
        "[::1]:11434",
        "0.0.0.0",
        "x.localhost",
        "printer.local",
        "host.docker.internal",
        socket.gethostname().upper(),
    ],
)
def test_hosts_that_can_only_be_near_pass(server: ServerProcess, host: str) -> None:
    assert server.client.get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:11434", "8.8.8.8"])
def test_other_hosts_get_an_empty_403(server: ServerProcess, host: str) -> None:
    response = server.client.get("/", headers={"Host": host})
    assert (response.status_code, response.content) == (403, b"")


def test_options_without_origin_is_204_for_a_name_and_405_for_an_address(
    server: ServerProcess,
) -> None:
    assert server.client.options("/api/chat", headers={"Host": "localhost"}).status_code == 204
    assert server.client.options("/api/chat", headers={"Host": "127.0.0.1"}).status_code == 405


# --- what there is no cloud for -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "status", "error"),
    [
        ("POST", "/api/signout", 401, "you are not currently signed in"),
        ("DELETE", "/api/user/keys/abc", 401, "you are not currently signed in"),
        ("POST", "/api/me", 503, "account unavailable"),
        ("POST", "/api/experimental/web_search", 400, "missing request body"),
    ],
)
def test_cloud_routes_say_that_there_is_none(
    server: ServerProcess, method: str, path: str, status: int, error: str
) -> None:
    response = server.client.request(method, path)
    assert (response.status_code, response.json()) == (status, {"error": error})


@pytest.mark.parametrize("kind", ["search", "fetch"])
def test_web_search_and_fetch_are_refused(server: ServerProcess, kind: str) -> None:
    response = server.post(f"/api/experimental/web_{kind}", query="x")
    assert response.status_code == 403
    assert response.json() == {"error": f"ollama cloud is disabled: web {kind} is unavailable"}


def test_recommendations_are_a_list_of_models(server: ServerProcess) -> None:
    answer = server.client.get("/api/experimental/model-recommendations").json()
    assert all(entry["model"] and entry["description"] for entry in answer["recommendations"])


def test_the_interactive_docs_show_every_native_route(server: ServerProcess) -> None:
    paths = server.client.get("/openapi.json").json()["paths"]
    assert {"/api/chat", "/api/generate", "/api/embed", "/api/show", "/api/create"} <= set(paths)
    body = paths["/api/chat"]["post"]["requestBody"]["content"]["application/json"]
    assert body["example"]["model"] == "tiny"
