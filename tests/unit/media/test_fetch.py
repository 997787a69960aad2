"""Images fetched by URL: from public hosts, and from those that the settings name."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from pathlib import Path

import pytest

from ollama_server.chat.types import Media
from ollama_server.errors import BadRequest
from ollama_server.media.fetch import Allowed, Fetcher, is_public
from ollama_server.media.images import MediaError
from ollama_server.media.prepare import MediaService
from ollama_server.settings import Settings
from tests.webserver import PNG, WebServer, write_certificate

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def web() -> Iterator[WebServer]:
    server = WebServer()
    yield server
    server.close()


def fetcher(allowed: str = "localhost", *, timeout: float = 60, size: int = 100_000) -> Fetcher:
    return Fetcher(Allowed.parse(allowed), timeout, size)


# --- what is fetched ------------------------------------------------------------------------------


@pytest.mark.parametrize("allowed", ["localhost", "127.0.0.1,::1", "127.0.0.0/8", "x, LOCALHOST "])
async def test_a_host_that_the_settings_name_is_fetched_from(allowed: str, web: WebServer) -> None:
    assert await fetcher(allowed).fetch(web.url("/ok.png")) == PNG


async def test_the_host_keeps_its_name(web: WebServer) -> None:
    await fetcher().fetch(web.url("/ok.png"))
    assert web.hosts == [f"localhost:{web.port}"]


async def test_the_content_decides_and_not_the_header(web: WebServer) -> None:
    assert await fetcher().fetch(web.url("/ok.html")) == PNG


async def test_redirects_are_followed(web: WebServer) -> None:
    assert await fetcher().fetch(web.url("/to?to=/to%3Fto=ok.png")) == PNG


# --- where nobody goes ----------------------------------------------------------------------------


PRIVATE = """
127.0.0.1 localhost 127.1 2130706433 0x7f000001 0177.0.0.1 0.0.0.0 [::1] [::ffff:127.0.0.1]
[::ffff:7f00:1] [64:ff9b::7f00:1] 169.254.169.254 10.0.0.1 192.168.1.1 172.16.0.1 100.64.0.1
[fe80::1] [fc00::1]
"""


@pytest.mark.parametrize("host", PRIVATE.split())
async def test_addresses_that_are_not_public_are_not_connected_to(
    host: str, web: WebServer
) -> None:
    with pytest.raises(MediaError, match=r"no public address|Invalid IPv4 address"):
        await fetcher("").fetch(web.url("/ok.png", host))
    assert web.requests == []


async def test_a_redirect_leads_to_no_private_address(web: WebServer) -> None:
    target = web.url("/ok.png", "127.0.0.1")
    with pytest.raises(MediaError, match="no public address"):
        await fetcher("localhost").fetch(web.url(f"/to?to={target}"))
    assert [path.partition("?")[0] for path in web.requests] == ["/to"]


@pytest.mark.parametrize(
    "target", ["file:///etc/passwd", "ftp://localhost/x", "data:,x", "gopher:"]
)
async def test_a_redirect_leads_to_no_other_scheme(target: str, web: WebServer) -> None:
    with pytest.raises(MediaError, match="http and https URLs only"):
        await fetcher().fetch(web.url(f"/to?to={target}"))


@pytest.mark.parametrize("target", ["http://[::1", "http://a:b/", "http://0177.1/", "http://%00/"])
async def test_a_redirect_to_nonsense_is_refused(target: str, web: WebServer) -> None:
    with pytest.raises(MediaError):
        await fetcher().fetch(web.url(f"/to?to={target}"))
    assert len(web.requests) == 1


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://h/x", "http://", "http:///x", "//h/x", "http://h:0/", "x"]
)
async def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(MediaError, match=r"http and https URLs only|URL is invalid"):
        await fetcher("").fetch(url)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("::ffff:8.8.8.8", True),
        ("64:ff9b::808:808", True),
        ("192.0.2.1", False),
        ("198.18.0.1", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("ff02::1", False),
        ("2002:7f00:1::", False),
        ("2002:a00:1::", False),
        ("::", False),
        ("fe80::1%eth0", False),
    ],
)
def test_public_addresses_are_known_in_every_form(address: str, public: bool) -> None:
    assert is_public(ipaddress.ip_address(address)) is public


# --- limits ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/stated-large", "/endless"])
async def test_a_body_that_is_too_large_is_refused(path: str, web: WebServer) -> None:
    with pytest.raises(MediaError, match="larger than the 100000 bytes"):
        await fetcher().fetch(web.url(path))


@pytest.mark.parametrize("path", ["/slow", "/silent"])
async def test_a_body_that_does_not_arrive_is_given_up(path: str, web: WebServer) -> None:
    with pytest.raises(MediaError, match=r"did not arrive within 0\.2 seconds"):
        await fetcher(timeout=0.2).fetch(web.url(path))


async def test_redirects_in_a_circle_end(web: WebServer) -> None:
    with pytest.raises(MediaError, match="redirects more than 5 times"):
        await fetcher().fetch(web.url("/loop"))
    assert len(web.requests) == 6


@pytest.mark.parametrize(
    ("path", "text"),
    [("/page.png", "does not lead to an image"), ("/none", "answered with status 404")],
)
async def test_what_is_no_image_is_refused(path: str, text: str, web: WebServer) -> None:
    with pytest.raises(MediaError, match=text):
        await fetcher().fetch(web.url(path))


async def test_a_host_that_does_not_answer_is_an_error(web: WebServer) -> None:
    web.close()
    with pytest.raises(MediaError, match="could not be fetched"):
        await fetcher().fetch(web.url("/ok.png"))


# --- TLS ------------------------------------------------------------------------------------------


async def test_the_name_is_what_a_certificate_is_checked_against(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = write_certificate(tmp_path, "localhost")
    server = WebServer(certificate)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert await fetcher().fetch(server.url("/ok.png")) == PNG
    # The same address, by a name that the certificate does not have.
    with pytest.raises(MediaError, match="could not be fetched"):
        await fetcher("127.0.0.1").fetch(server.url("/ok.png", "127.0.0.1"))
    server.close()


async def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    server = WebServer(write_certificate(tmp_path, "localhost"))
    with pytest.raises(MediaError, match="could not be fetched"):
        await fetcher().fetch(server.url("/ok.png"))
    assert server.requests == []
    server.close()


# --- a request's media ----------------------------------------------------------------------------


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("OLLAMA_IMAGE_URL_HOSTS", "localhost")
    return Settings()


async def test_media_are_fetched_and_checked_in_place(web: WebServer, settings: Settings) -> None:
    media = [Media(PNG), Media(url=web.url("/ok.png"))]
    service = MediaService(settings)
    await service.prepare(media)
    assert [medium.data for medium in media] == [PNG, PNG]
    service.close()


async def test_the_first_bad_one_is_named(web: WebServer, settings: Settings) -> None:
    good, bad = Media(PNG, place="images[0]"), Media(b"x", place="images[1]")
    gone = Media(url=web.url("/none"), place="images[2]")
    service = MediaService(settings)
    with pytest.raises(BadRequest, match=r"images\[1\]: not an image"):
        await service.prepare([good, bad, gone])
    service.close()


async def test_fetching_can_be_switched_off(
    web: WebServer, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OLLAMA_IMAGE_URLS", "0")
    service = MediaService(Settings())
    with pytest.raises(BadRequest, match=r"images\[0\]: this server does not fetch images"):
        await service.prepare([Media(url=web.url("/ok.png"), place="images[0]")])
    assert web.requests == []
    service.close()


async def test_a_request_names_a_bounded_number_of_urls(web: WebServer, settings: Settings) -> None:
    service = MediaService(settings)
    with pytest.raises(BadRequest, match="at most 32 image URLs"):
        await service.prepare([Media(url=web.url("/ok.png")) for _ in range(33)])
    assert web.requests == []
    service.close()
