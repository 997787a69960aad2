"""/docs and /redoc work where there is no network."""

from __future__ import annotations

import re
from urllib.parse import urljoin

import pytest

from tests.process import ServerProcess


@pytest.mark.parametrize("page", ["/docs", "/redoc"])
def test_a_page_loads_nothing_from_elsewhere(server: ServerProcess, page: str) -> None:
    text = server.client.get(page).text
    named = re.findall(r"""(?:src|href|spec-url|url)\s*[=:]\s*["']([^"']+)["']""", text)
    assert {url.rpartition(".")[2] for url in named} >= {"js", "json", "png"}
    for url in named:
        where = urljoin(f"{server.url}{page}", url)
        assert where.startswith(server.url), f"{page} loads {where}"
        assert server.client.get(where).status_code == 200, where


def test_swagger_is_new_enough_for_the_document(server: ServerProcess) -> None:
    # OpenAPI 3.1 is read by Swagger UI 5.
    assert server.client.get("/openapi.json").json()["openapi"].startswith("3.1")
    script = server.client.get("/docs/files/swagger-ui-bundle.js").text
    assert re.findall(r'PACKAGE_VERSION:"(\d+)\.', script) == ["5"]
