from __future__ import annotations

import pytest

from ollama_server.cli.proxies import proxy_for
from ollama_server.settings import parse_host


@pytest.fixture(autouse=True)
def _proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "REQUEST_METHOD"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("HTTP_PROXY", "http://plain:3128")
    monkeypatch.setenv("HTTPS_PROXY", "secure:3129")


@pytest.mark.parametrize(
    ("host", "proxy"),
    [
        ("models.lan", "http://plain:3128"),
        ("10.1.2.3:11434", "http://plain:3128"),
        ("https://models.example", "http://secure:3129"),
        ("", None),
        ("localhost:8080", None),
        ("127.0.0.2", None),
        ("[::1]", None),
        ("0.0.0.0", None),
        (":11434", None),
    ],
)
def test_servers_elsewhere_are_behind_the_proxy_of_their_scheme(
    host: str, proxy: str | None
) -> None:
    assert proxy_for(parse_host(host).for_clients) == proxy


@pytest.mark.parametrize(
    ("without", "host", "has_proxy"),
    [
        ("models.lan", "models.lan", False),
        (".lan, other", "models.lan", False),
        ("other", "models.lan", True),
        ("*", "models.lan", False),
        ("10.0.0.0/8", "10.1.2.3", False),
        ("10.0.0.0/8", "11.1.2.3", True),
        ("10.0.0.0/8", "ten.lan", True),
        ("fd00::/8", "[fd00::1]:11434", False),
        ("10.1.2.3", "10.1.2.3:11434", False),
    ],
)
def test_no_proxy_names_hosts_and_networks(
    without: str, host: str, has_proxy: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", without)
    assert (proxy_for(parse_host(host)) is not None) == has_proxy


def test_all_proxy_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HTTP_PROXY")
    monkeypatch.setenv("ALL_PROXY", "socks5://elsewhere:1080")
    assert proxy_for(parse_host("models.lan")) is None
