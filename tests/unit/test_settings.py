from __future__ import annotations

import logging
import math
from pathlib import Path
from typing import Any

import pytest

from ollama_server.settings import HostAddress, Settings, parse_host


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in Settings.model_fields:
        monkeypatch.delenv(f"OLLAMA_{name.upper()}", raising=False)


def settings_with(monkeypatch: pytest.MonkeyPatch, **environment: str) -> Settings:
    for name, value in environment.items():
        monkeypatch.setenv(f"OLLAMA_{name.upper()}", value)
    return Settings()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", HostAddress("http", "127.0.0.1", 11434)),
        ("1.2.3.4", HostAddress("http", "1.2.3.4", 11434)),
        ("0.0.0.0", HostAddress("http", "0.0.0.0", 11434)),
        (":1234", HostAddress("http", "", 1234)),
        (":0", HostAddress("http", "", 0)),
        (":66000", HostAddress("http", "", 11434)),
        (":-1", HostAddress("http", "", 11434)),
        ("::1", HostAddress("http", "::1", 11434)),
        ("[::1]", HostAddress("http", "::1", 11434)),
        ("[::1]:1337", HostAddress("http", "::1", 1337)),
        ("http://1.2.3.4", HostAddress("http", "1.2.3.4", 80)),
        ("https://example.com/ollama", HostAddress("https", "example.com", 443, "/ollama")),
        ("ollama.com", HostAddress("https", "ollama.com", 443)),
        (" 1.2.3.4 ", HostAddress("http", "1.2.3.4", 11434)),
        ("'1.2.3.4'", HostAddress("http", "1.2.3.4", 11434)),
    ],
)
def test_host_is_read_as_ollama_reads_it(text: str, expected: HostAddress) -> None:
    assert parse_host(text) == expected


@pytest.mark.parametrize("port", ["99999", "abc", "-1", "1_1", "\u0661"])
def test_a_wrong_port_is_the_default_and_a_warning(
    port: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        settings = settings_with(monkeypatch, host=f"h:{port}")
        assert [settings.address for _ in range(2)] == [HostAddress("http", "h", 11434)] * 2
    assert caplog.messages == [f"OLLAMA_HOST: port '{port}' ignored, 11434 is used"]


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("[::]:80", "http://[::1]:80"),
        (":8080", "http://127.0.0.1:8080"),
        ("https://example.com/ollama", "https://example.com:443/ollama"),
    ],
)
def test_a_client_reaches_an_unspecified_address_by_loopback(text: str, url: str) -> None:
    assert parse_host(text).client_url == url


@pytest.mark.parametrize(
    ("text", "expected"), [("1", True), ("t", True), ("no", True), ("off", True), ("0", False)]
)
def test_any_text_but_a_spelling_of_false_is_true(
    text: str, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert settings_with(monkeypatch, noprune=text).noprune is expected


@pytest.mark.parametrize("text", ["-1", "0x10", "many", "1.5"])
def test_a_number_that_is_none_leaves_the_default_and_a_warning(
    text: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert settings_with(monkeypatch, max_queue=text).max_queue == 512
    assert "OLLAMA_MAX_QUEUE" in caplog.text


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10", 10),
        ("10m", 600),
        ("1h30m", 5400),
        ("0", 0),
        ("-1", math.inf),
        ("-1s", math.inf),
        ("99999999999999", math.inf),
    ],
)
def test_keep_alive_takes_durations_and_bare_seconds(
    text: str, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert settings_with(monkeypatch, keep_alive=text).keep_alive == seconds


@pytest.mark.parametrize("text", ["1d", "abc", "5 minutes"])
def test_a_duration_that_is_none_leaves_the_default(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert settings_with(monkeypatch, keep_alive=text).keep_alive == 300


def test_a_load_timeout_of_zero_means_no_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings_with(monkeypatch, load_timeout="0").load_timeout == math.inf


def test_quotes_and_blanks_around_a_value_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_with(monkeypatch, models=' "/srv/models" ', num_parallel="'3'")
    assert settings.models == Path("/srv/models")
    assert settings.num_parallel == 3


def test_an_empty_value_is_an_unset_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = settings_with(monkeypatch, models="", num_parallel="  ", flash_attention='""')
    assert settings.models == tmp_path / ".ollama" / "models"
    assert settings.num_parallel == 0
    assert settings.flash_attention is None


@pytest.mark.parametrize(
    ("text", "size"), [("1000", 1000), ("20GB", 20 * 10**9), ("1.5GiB", 3 * 2**29), ("2k", 2000)]
)
def test_sizes_have_units(text: str, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings_with(monkeypatch, cache_max=text).cache_max == size


@pytest.mark.parametrize(
    ("text", "level"),
    [("", logging.INFO), ("1", logging.DEBUG), ("true", logging.DEBUG), ("-1", logging.WARNING)],
)
def test_debug_sets_the_log_level(text: str, level: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings_with(monkeypatch, debug=text).log_level == level


@pytest.mark.parametrize(
    ("config", "variable", "source"),
    [(None, "", "env"), (True, "", "config"), (True, "1", "both"), (False, "1", "env")],
)
def test_status_knows_who_switched_the_cloud_off(
    config: Any, variable: str, source: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if config is not None:
        (tmp_path / ".ollama").mkdir()
        text = f'{{"disable_ollama_cloud": {"true" if config else "false"}}}'
        (tmp_path / ".ollama" / "server.json").write_text(text)
    assert settings_with(monkeypatch, no_cloud=variable).cloud_disabled_by == source


def test_every_setting_is_described() -> None:
    assert all(field.description for field in Settings.model_fields.values())
