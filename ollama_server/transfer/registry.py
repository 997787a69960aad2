"""Requests to one registry: the token, redirects, and what its answers mean."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode, urljoin, urlsplit

import httpx

from ollama_server.errors import TransferError
from ollama_server.store.manifest import MEDIA_MANIFEST
from ollama_server.store.names import Name
from ollama_server.transfer.auth import fetch_token
from ollama_server.transfer.keys import KeyPair
from ollama_server.transfer.net import Refused, Unreachable, reach

_MAX_REDIRECTS = 10
# A manifest of a hundred layers has some 20 kB: anything near this is not a manifest.
_MAX_ANSWER = 16 << 20
_OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_ACCEPT = f"{MEDIA_MANIFEST}, {_OCI_MANIFEST};q=0.5"


@dataclass(frozen=True, slots=True)
class Location:
    """Where a blob's bytes are to be had, and what to send along."""

    url: str
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Answer:
    """A response whose body has been read, unless it was asked to be left alone."""

    status: int
    headers: httpx.Headers
    url: str
    body: bytes = b""

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    def next_url(self) -> str:
        """Where an upload goes on."""
        target = self.headers.get("Docker-Upload-Location") or self.headers.get("Location")
        if not target:
            raise TransferError("the registry does not say where the upload goes on")
        return str(urljoin(self.url, target))

    def check(self) -> Answer:
        """Itself, if it is a success. Raises Refused otherwise."""
        if self.status == 404:
            raise Refused(404, "", "file does not exist")
        if self.status >= 400:
            raise Refused(self.status, self.text)
        return self


class Registry:
    """One repository of one registry during one pull or push; keeps the token it was given."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        name: Name,
        key: Callable[[], KeyPair],
        *,
        insecure: bool = False,
        retry_seconds: float = 30.0,
    ) -> None:
        self.client = client
        self.host = name.host
        self.base = f"{'http' if insecure else 'https'}://{name.host}"
        self.repository = f"{self.base}/v2/{name.repository}"
        self._key = key
        self._token = ""
        self._retry_seconds = retry_seconds

    async def manifest(self, tag: str) -> bytes:
        """The manifest's bytes exactly as the registry keeps them."""
        url = f"{self.repository}/manifests/{quote(tag)}"
        answer = await self._patiently(
            lambda: self.request("GET", url, headers={"Accept": _ACCEPT}), seconds=1.0
        )
        return answer.check().body

    async def blob_size(self, digest: str) -> int | None:
        """Bytes of a blob; None when the registry does not say. Raises Refused, 404 if missing."""
        url = self.blob_url(digest)
        answer = await self._patiently(lambda: self.request("HEAD", url), seconds=1.0)
        length = answer.check().headers.get("Content-Length", "")
        return int(length) if length.isdecimal() else None

    async def has_blob(self, digest: str) -> bool:
        """Whether the repository holds the blob. Raises Refused for anything but yes and no."""
        answer = await self._patiently(
            lambda: self.request("HEAD", self.blob_url(digest)), seconds=1.0
        )
        return answer.status != 404 and bool(answer.check())

    async def start_upload(self, digest: str, mount_from: str = "") -> str:
        """Begin an upload; where its first bytes go, or "" when the blob was mounted instead."""
        query = f"?{urlencode({'from': mount_from, 'mount': digest})}" if mount_from else ""
        url = f"{self.repository}/blobs/uploads/{query}"
        answer = await self._patiently(
            lambda: self.request("POST", url, content=b""), seconds=self._retry_seconds
        )
        answer.check()
        return "" if answer.status == 201 else answer.next_url()

    async def put_manifest(self, tag: str, data: bytes) -> None:
        """Make pushed blobs a model. Raises Refused."""
        url = f"{self.repository}/manifests/{quote(tag)}"
        headers = {"Content-Type": MEDIA_MANIFEST}
        answer = await self._patiently(
            lambda: self.request("PUT", url, headers=headers, content=data), seconds=1.0
        )
        answer.check()

    async def locate(self, digest: str) -> Location:
        """Where to read a blob: the storage the registry points to, or the registry itself."""
        url = self.blob_url(digest)

        async def ask() -> Answer:
            answer = await self.request("GET", url, leave_host=False, read=False)
            return answer.check()

        answer = await self._patiently(ask, seconds=self._retry_seconds)
        target = answer.headers.get("Location")
        if target:
            # Signed by the registry for whoever holds it: the token stays at home.
            return Location(urljoin(answer.url, target))
        return Location(answer.url, self.authorization(answer.url))

    def blob_url(self, digest: str) -> str:
        """The address of a blob at the registry."""
        return f"{self.repository}/blobs/{digest}"

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: dict[str, str] | None = None,
        content: bytes | None = None,
        leave_host: bool = True,
        read: bool = True,
        read_seconds: float | None = None,
    ) -> Answer:
        """One request with the token, a token challenge answered and redirects of reads followed.

        ``leave_host=False`` returns the first redirect to another host instead of following it;
        ``read=False`` leaves the body of a success unread. Raises Unreachable or TransferError.
        """
        home = urlsplit(url).hostname
        challenged = False
        for _ in range(_MAX_REDIRECTS + 2):
            answer = await self._send(
                method, url, headers or {}, content, read=read, read_seconds=read_seconds
            )
            if answer.status == 401 and urlsplit(url).netloc == self.host:
                if challenged:
                    raise Refused(401, "", "unauthorized: access denied")
                challenged = True
                await self.renew_token(answer.headers.get("WWW-Authenticate", ""))
                continue
            target = answer.headers.get("Location", "")
            if not (300 <= answer.status < 400 and target and method in ("GET", "HEAD")):
                return answer
            target = urljoin(url, target)
            if not leave_host and urlsplit(target).hostname != home:
                return answer
            url = target
        raise TransferError(f"maximum redirects exceeded ({_MAX_REDIRECTS}) for directURL")

    async def renew_token(self, challenge: str) -> None:
        """Answer a challenge; later requests carry the token. Raises TransferError."""
        self._token = await fetch_token(self.client, challenge, self.host, self._key())

    def authorization(self, url: str) -> dict[str, str]:
        """The header that a request to ``url`` carries: none once it leaves the registry."""
        parts = urlsplit(url)
        base = urlsplit(self.base)
        trusted = parts.hostname == base.hostname and parts.scheme in (base.scheme, "https")
        return {"Authorization": f"Bearer {self._token}"} if self._token and trusted else {}

    async def _send(
        self,
        method: str,
        url: str,
        headers: dict[str, str],
        content: bytes | None,
        *,
        read: bool,
        read_seconds: float | None,
    ) -> Answer:
        sent = {**headers, **self.authorization(url)}
        timeout = self.client.timeout
        if read_seconds is not None:
            timeout = httpx.Timeout(timeout.connect, read=read_seconds)
        with reach(method.capitalize(), url):
            async with AsyncExitStack() as stack:
                response = await stack.enter_async_context(
                    self.client.stream(method, url, headers=sent, content=content, timeout=timeout)
                )
                body = bytearray()
                if read or response.status_code >= 400:
                    async for chunk in response.aiter_bytes():
                        body += chunk
                        if len(body) > _MAX_ANSWER:
                            raise TransferError(f"the answer of {self.host} is too long")
                return Answer(response.status_code, response.headers, url, bytes(body))

    async def _patiently(self, ask: Callable[[], Awaitable[Answer]], seconds: float) -> Answer:
        """Ask again, at growing intervals, while the network or the server has a bad moment."""
        deadline = time.monotonic() + seconds
        attempt = 0
        while True:
            try:
                answer = await ask()
                if not Refused(answer.status, "").transient:
                    return answer
                error: TransferError = Refused(answer.status, answer.text)
            except Unreachable as failure:
                error = failure
            except Refused as failure:
                if not failure.transient:
                    raise
                error = failure
            attempt += 1
            pause = min(attempt * attempt * 0.01, 10.0) * random.uniform(0.5, 1.5)
            if time.monotonic() + pause > deadline:
                raise error
            await asyncio.sleep(pause)
