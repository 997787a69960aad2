"""A registry in memory that speaks Ollama's protocol: tokens for ed25519 keys, blobs in a storage.

The registry is reached as ``localhost``, its storage as ``127.0.0.1``: two hosts to a client.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_ssh_public_key
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

EMPTY_HASH = base64.b64encode(hashlib.sha256(b"").hexdigest().encode()).decode()
TOKEN = "let-me-in"

Handler = Callable[[Request], Response | None]


def sha256(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


@dataclass
class Seen:
    """A request that arrived."""

    method: str
    path: str
    query: str
    headers: dict[str, str]


@dataclass
class LocalRegistry:
    """What the registry holds, how it behaves, and what it was asked."""

    port: int = 0
    blobs: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[str, bytes] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    needs_token: bool = False
    denies: bool = False
    ranges: bool = True
    redirects_uploads: bool = True
    breaks_uploads_after: int | None = None
    # Answers in place of the storage's own; None lets the storage answer.
    storage: Handler = lambda _: None
    # The same for the registry.
    intercept: Handler = lambda _: None
    tokens_granted: int = 0
    uploads: dict[str, bytearray] = field(default_factory=dict)
    etags: list[str] = field(default_factory=list)

    @property
    def host(self) -> str:
        return f"localhost:{self.port}"

    @property
    def storage_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/storage"

    def add_blob(self, data: bytes) -> dict[str, object]:
        """Hold a blob; its layer without a media type."""
        self.blobs[sha256(data)] = data
        return {"digest": sha256(data), "size": len(data)}

    def add_model(self, repository: str, tag: str, *layers: bytes, config: bytes = b"{}") -> bytes:
        """Hold a model of these blobs; its manifest, with spaces that a rewriting would lose."""
        kind = "application/vnd.ollama.image."
        names = ("model", "template", "params")
        manifest = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
            "config": {
                "mediaType": "application/vnd.docker.container.image.v1+json",
                **self.add_blob(config),
            },
            "layers": [
                {"mediaType": kind + name, **self.add_blob(data)}
                for name, data in zip(names, layers, strict=False)
            ],
        }
        data = json.dumps(manifest, indent=3).encode()
        self.manifests[f"{repository}:{tag}"] = data
        return data

    def asked(self, method: str, pattern: str) -> list[Seen]:
        """The requests so far whose path matches."""
        return [s for s in self.seen if s.method == method and re.search(pattern, s.path)]

    def half_of_it(self, request: Request) -> Response:
        """As ``storage``: the first half of a blob, and then nothing more for a long time."""
        data = self.blobs[request.path_params["digest"]]

        async def body() -> AsyncIterator[bytes]:
            yield data[: len(data) // 2]
            await asyncio.sleep(3600)

        return StreamingResponse(body(), 206, headers={"Content-Length": str(len(data))})

    # ── routes ───────────────────────────────────────────────────────────────────────────────

    def app(self) -> Starlette:
        methods = ["GET", "HEAD", "POST", "PUT", "PATCH"]
        return Starlette(
            routes=[
                Route("/token", self._token, methods=["GET"]),
                Route("/storage/{digest}", self._storage, methods=["GET"]),
                Route("/storage-upload/{session}/{part}", self._put_part, methods=["PUT"]),
                Route("/upload/{session}/{part:int}", self._upload, methods=methods),
                Route("/v2/{repository:path}/manifests/{tag}", self._manifest, methods=methods),
                Route("/v2/{repository:path}/blobs/uploads/", self._start, methods=["POST"]),
                Route("/v2/{repository:path}/blobs/{digest}", self._blob, methods=methods),
            ]
        )

    def _note(self, request: Request) -> Response | None:
        headers = {key.lower(): value for key, value in request.headers.items()}
        seen = Seen(request.method, request.url.path, request.url.query, headers)
        self.seen.append(seen)
        if request.url.path.startswith("/storage"):
            return None
        if self.denies:
            return self._challenge(request)
        if self.needs_token and headers.get("authorization") != f"Bearer {TOKEN}":
            return self._challenge(request)
        return self.intercept(request)

    def _challenge(self, request: Request) -> Response:
        scope = "repository:" + request.path_params.get("repository", "") + ":pull"
        header = f'Bearer realm="http://{self.host}/token",service="reg istry",scope="{scope} x:y"'
        return Response(status_code=401, headers={"WWW-Authenticate": header})

    async def _token(self, request: Request) -> Response:
        url = f"http://{self.host}{request.url.path}?{request.url.query}"
        public, _, signature = request.headers.get("authorization", "").partition(":")
        key = load_ssh_public_key(f"ssh-ed25519 {public}".encode())
        assert isinstance(key, Ed25519PublicKey)
        try:
            signed = f"GET,{url},{EMPTY_HASH}".encode()
            key.verify(base64.b64decode(signature), signed)
        except InvalidSignature:
            return PlainTextResponse("bad signature", 403)
        self.tokens_granted += 1
        return Response(json.dumps({"token": TOKEN}))

    async def _manifest(self, request: Request) -> Response:
        if (early := self._note(request)) is not None:
            return early
        key = f"{request.path_params['repository']}:{request.path_params['tag']}"
        if request.method == "PUT":
            self.manifests[key] = await request.body()
            return Response(status_code=201)
        if key not in self.manifests:
            return PlainTextResponse("manifest unknown", 404)
        return Response(self.manifests[key])

    async def _blob(self, request: Request) -> Response:
        if (early := self._note(request)) is not None:
            return early
        digest = request.path_params["digest"]
        if digest not in self.blobs:
            return PlainTextResponse("blob unknown", 404)
        if request.method == "HEAD":
            return Response(headers={"Content-Length": str(len(self.blobs[digest]))})
        return Response(status_code=307, headers={"Location": f"{self.storage_url}/{digest}"})

    async def _storage(self, request: Request) -> Response:
        self._note(request)
        if (instead := self.storage(request)) is not None:
            return instead
        return ranged(request, self.blobs[request.path_params["digest"]], allowed=self.ranges)

    async def _start(self, request: Request) -> Response:
        if (early := self._note(request)) is not None:
            return early
        if request.query_params.get("mount", "") in self.blobs:
            return Response(status_code=201)
        session = str(len(self.uploads))
        self.uploads[session] = bytearray()
        return Response(status_code=202, headers={"Docker-Upload-Location": f"/upload/{session}/0"})

    async def _upload(self, request: Request) -> Response:
        if (early := self._note(request)) is not None:
            return early
        session, part = request.path_params["session"], request.path_params["part"]
        if request.method == "GET":
            held = len(self.uploads[session])
            headers = {"Range": f"0-{max(held - 1, 0)}", "Location": request.url.path}
            return Response(status_code=204, headers=headers)
        if self.breaks_uploads_after is not None and request.method == "PATCH":
            return await self._break_off(request, self.uploads[session])
        body = await request.body()
        if request.method == "PUT":
            self.blobs[request.query_params["digest"]] = bytes(self.uploads[session])
            self.etags.append(request.query_params["etag"])
            return Response(status_code=201)
        following = {"Docker-Upload-Location": f"/upload/{session}/{part + 1}"}
        if self.redirects_uploads:
            target = f"http://127.0.0.1:{self.port}/storage-upload/{session}/{part}"
            return Response(status_code=307, headers={**following, "Location": target})
        self.uploads[session] += body
        return Response(status_code=202, headers=following)

    async def _break_off(self, request: Request, upload: bytearray) -> Response:
        """Keep some bytes of the body, then say that the gateway had enough."""
        left, self.breaks_uploads_after = self.breaks_uploads_after, None
        assert left is not None
        upload += (await request.body())[:left]
        return PlainTextResponse("bad gateway", 502)

    async def _put_part(self, request: Request) -> Response:
        self._note(request)
        if (instead := self.storage(request)) is not None:
            return instead
        self.uploads[request.path_params["session"]] += await request.body()
        return Response()


def ranged(request: Request, data: bytes, *, allowed: bool = True) -> Response:
    """``data``, or the part of it that the Range header asks for."""
    match = re.fullmatch(r"bytes=(\d+)-(\d+)", request.headers.get("range", ""))
    if match is None or not allowed:
        return Response(data)
    start, end = int(match[1]), int(match[2])
    headers = {"Content-Range": f"bytes {start}-{end}/{len(data)}"}
    return Response(data[start : end + 1], 206, headers)


def truncated(data: bytes, sent: int) -> Response:
    """An answer that breaks off after ``sent`` bytes."""

    async def body() -> AsyncIterator[bytes]:
        yield data[:sent]
        raise ConnectionResetError

    return StreamingResponse(body(), 206, headers={"Content-Length": str(len(data))})
