"""A stand-in for the Hugging Face hub: model info, resolved files, and a storage for large ones.

It speaks the hub's HTTP, so that the real huggingface-hub library is what talks to it. The hub is
reached as ``localhost``, its storage as ``127.0.0.1``.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.unit.transfer.local_registry import Seen, ranged

TOKEN = "hf_secret"


@dataclass
class LocalHub:
    """One repository per name: its files. Those with a suffix in ``large`` are kept by LFS."""

    port: int = 0
    repositories: dict[str, dict[str, bytes]] = field(default_factory=dict)
    gated: set[str] = field(default_factory=set)
    private: set[str] = field(default_factory=set)
    seen: list[Seen] = field(default_factory=list)
    large: tuple[str, ...] = (".gguf", ".safetensors")
    commit: str = "c0ffee" * 6 + "c0ff"
    broken: bool = False
    # What the storage sends in place of these files.
    storage_override: dict[str, bytes] = field(default_factory=dict)

    @property
    def endpoint(self) -> str:
        return f"http://localhost:{self.port}"

    def asked(self, method: str, part: str) -> list[Seen]:
        """The requests so far whose path has ``part`` in it."""
        return [seen for seen in self.seen if seen.method == method and part in seen.path]

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/api/models/{user}/{repo}/revision/{revision}", self._info),
                Route("/storage/{user}/{repo}/{file:path}", self._storage),
                Route("/{user}/{repo}/resolve/{revision}/{file:path}", self._resolve),
            ]
        )

    def _note(self, request: Request) -> str:
        headers = {key.lower(): value for key, value in request.headers.items()}
        self.seen.append(Seen(request.method, request.url.path, request.url.query, headers))
        return f"{request.path_params['user']}/{request.path_params['repo']}"

    def _allowed(self, request: Request) -> bool:
        return request.headers.get("authorization") == f"Bearer {TOKEN}"

    async def _info(self, request: Request) -> Response:
        repository = self._note(request)
        if self.broken:
            return Response("out of order", 500)
        hidden = repository in self.private and not self._allowed(request)
        if repository not in self.repositories or hidden:
            headers = {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"}
            return Response(status_code=401, headers=headers)
        siblings = [
            self._sibling(name, data) for name, data in self.repositories[repository].items()
        ]
        info = {"_id": "1", "id": repository, "sha": self.commit, "siblings": siblings}
        return JSONResponse({**info, "private": False, "tags": [], "downloads": 0, "likes": 0})

    def _sibling(self, name: str, data: bytes) -> dict[str, object]:
        digest = hashlib.sha256(data).hexdigest()
        found: dict[str, object] = {"rfilename": name, "size": len(data), "blobId": digest[:40]}
        if name.endswith(self.large):
            found["lfs"] = {"sha256": digest, "size": len(data), "pointerSize": 134}
        return found

    async def _resolve(self, request: Request) -> Response:
        repository = self._note(request)
        if repository in self.gated and not self._allowed(request):
            headers = {
                "X-Error-Code": "GatedRepo",
                "X-Error-Message": f"Access to model {repository} is restricted.",
            }
            return Response(status_code=403, headers=headers)
        name = request.path_params["file"]
        data = self.repositories[repository].get(name)
        if data is None:
            return Response(status_code=404, headers={"X-Error-Code": "EntryNotFound"})
        digest = hashlib.sha256(data).hexdigest()
        headers = {"X-Repo-Commit": self.commit, "ETag": f'"{digest}"'}
        if not name.endswith(self.large):
            return Response(data, headers=headers)
        headers["X-Linked-Size"] = str(len(data))
        headers["X-Linked-Etag"] = f'"{digest}"'
        headers["Location"] = f"http://127.0.0.1:{self.port}/storage/{repository}/{name}?signed=yes"
        return Response(status_code=302, headers=headers)

    async def _storage(self, request: Request) -> Response:
        repository = self._note(request)
        name = request.path_params["file"]
        data = self.storage_override.get(name, self.repositories[repository][name])
        return ranged(request, data)
