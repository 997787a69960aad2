"""The HTTP API as the command line uses it."""

from __future__ import annotations

import json
import ssl
import sys
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import certifi
import httpx

from ollama_server.api_keys import read_keys
from ollama_server.cli.errors import ApiError, CliError
from ollama_server.cli.proxies import proxy_for
from ollama_server.errors import ServerError
from ollama_server.settings import Settings, get_settings
from ollama_server.transfer.keys import load_or_create
from ollama_server.transfer.net import cause

_UNREACHED = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)
_UNAUTHORIZED = 401
_ADVICE_FOR_REGISTRIES = "; use --insecure for a registry without TLS"
UNREACHABLE = "could not connect to ollama server, run '{program} serve' to start it"


def program_name() -> str:
    """``ollama`` where a link of that name was called."""
    name = Path(sys.argv[0]).name
    return name if name == "ollama" else "ollama-server"


class SignedRequests(httpx.Auth):
    """Ollama's own signature: the time in the query, method and path signed with the user's key."""

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add both to a request."""
        pair, _ = load_or_create()
        stamp = str(int(time.time()))
        request.url = request.url.copy_set_param("ts", stamp)
        signature = pair.sign(f"{request.method},{request.url.path}?ts={stamp}")
        request.headers["Authorization"] = signature
        yield request


class Client:
    """Calls to the server that OLLAMA_HOST names; the first API key is sent along."""

    def __init__(self, settings: Settings | None = None) -> None:
        settings = settings or get_settings()
        key = own_key(settings)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        signs = settings.auth or settings.address.host == "ollama.com"
        self.base_url = settings.address.client_url
        proxy = proxy_for(settings.address.for_clients)
        self._has_proxy = proxy is not None
        try:
            self._http = httpx.Client(
                base_url=self.base_url,
                headers=headers,
                auth=SignedRequests() if signs else None,
                timeout=httpx.Timeout(None, connect=10),
                verify=trusted() if self.base_url.startswith("https") else False,
                proxy=proxy,
                trust_env=False,
            )
        except httpx.InvalidURL as error:
            raise CliError(f"{self.base_url} or its proxy is no address: {error}") from error
        except (ImportError, ValueError) as error:
            raise CliError(f"the proxy to {self.base_url} cannot be used: {error}") from error

    def check(self) -> None:
        """Raise CliError when nobody listens."""
        with self._reaching():
            self._http.head("/")

    def version(self) -> str | None:
        """The server's version, None when nobody listens; ApiError where a key is missing."""
        try:
            found = self.get("/api/version").get("version")
        except CliError as error:
            if isinstance(error, ApiError) and error.status == _UNAUTHORIZED:
                raise
            return None
        return None if found is None else str(found)

    def get(self, path: str) -> dict[str, Any]:
        """A JSON object, an empty one for an empty answer."""
        with self._reaching():
            return self._answer(self._http.get(path))

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """The same for POST."""
        with self._reaching():
            return self._answer(self._http.post(path, json=body))

    def delete(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """The same for DELETE, with a body."""
        with self._reaching():
            return self._answer(self._http.request("DELETE", path, json=body))

    def stream(self, path: str, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """The objects of a streamed answer; raises ApiError, also for an error inside it."""
        with self._reaching(), self._http.stream("POST", path, json=body) as response:
            if response.status_code >= 400:
                response.read()
                reason = f"{response.status_code} {response.reason_phrase}"
                raise ApiError(f"{reason}: {error_text(response)}", response.status_code)
            check_place(response)
            for line in response.iter_lines():
                if not line:
                    continue
                item = self._object(response, line)
                if "error" in item:
                    raise ApiError(str(item["error"]))
                yield item

    def has_blob(self, digest: str) -> bool:
        """Whether the server has the blob already."""
        with self._reaching():
            return self._http.head(f"/api/blobs/{digest}").status_code == 200

    def upload(self, digest: str, content: Iterable[bytes]) -> None:
        """Send a blob."""
        with self._reaching():
            self._answer(self._http.post(f"/api/blobs/{digest}", content=content))

    def _answer(self, response: httpx.Response) -> dict[str, Any]:
        if response.status_code >= 400:
            url = signin_url(response)
            raise ApiError(error_text(response), response.status_code, signin_url=url)
        check_place(response)
        return self._object(response, response.text)

    def _object(self, response: httpx.Response, text: str) -> dict[str, Any]:
        """``text`` of an answer as a JSON object; other kinds of servers send something else."""
        try:
            found = json.loads(text or "null")
        except ValueError:
            found = text
        if found is None:
            return {}
        if not isinstance(found, dict):
            kind = response.headers.get("content-type", "something else")
            raise CliError(f"what answers at {self.base_url} is no ollama server: it sends {kind}")
        return found

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        try:
            yield
        except _UNREACHED as error:
            raise CliError(self._unreached(error)) from error
        except httpx.HTTPError as error:
            raise CliError(f"the connection to the server broke: {error}") from error

    def _unreached(self, error: httpx.HTTPError) -> str:
        reason = cause(error).removesuffix(_ADVICE_FOR_REGISTRIES)
        if reason.startswith("connection refused"):
            if not self._has_proxy:
                return UNREACHABLE.format(program=program_name())
            reason = "the proxy refuses the connection"
        return f"could not connect to {self.base_url}: {reason}"


def own_key(settings: Settings) -> str:
    """The first API key of the variable, else of the file, where this user may read it."""
    try:
        keys = read_keys(settings.api_keys, settings.api_keys_file)
    except ServerError:
        keys = read_keys(settings.api_keys, "")
    return keys[0] if keys else ""


def trusted() -> ssl.SSLContext:
    """Certificates of the system, of SSL_CERT_FILE, and those that come with Python's packages."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


def check_place(response: httpx.Response) -> None:
    """Raise CliError for a redirect.

    Following it would turn a POST into a GET, and show the API key to somebody else.
    """
    if response.has_redirect_location:
        raise CliError(f"{response.url} redirects to {response.headers['location']}")


def error_text(response: httpx.Response) -> str:
    """The ``error`` of an error's body, or the body where it is no page for people."""
    try:
        body = response.json()
    except ValueError:
        page = "html" in response.headers.get("content-type", "")
        text = "" if page else response.text.strip()
        return text or response.reason_phrase + (" (a web page)" if page else "")
    found = body.get("error", body) if isinstance(body, dict) else body
    return str(found.get("message", found)) if isinstance(found, dict) else str(found)


def signin_url(response: httpx.Response) -> str:
    """Where an answer of 401 says that one can sign in; mostly empty."""
    try:
        body = response.json()
    except ValueError:
        return ""
    return str(body.get("signin_url", "")) if isinstance(body, dict) else ""
