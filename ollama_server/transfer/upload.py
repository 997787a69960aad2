"""One blob from the disk to a registry: in parts, each retried from the byte the registry has.

A plain registry takes the parts one after the other (PATCH). Ollama's answers each PATCH with a
redirect to its storage: that part then goes there beside the following ones (PUT).
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urljoin

import httpx

from ollama_server.errors import TransferError
from ollama_server.store.disk import disk_errors
from ollama_server.transfer.download import Retry, first_error
from ollama_server.transfer.net import Refused, Unreachable, reach
from ollama_server.transfer.parts import STREAMS, Part, PartedTransfer, divide
from ollama_server.transfer.registry import Registry
from ollama_server.transfer.threads import Threads

_READ_BYTES = 1 << 20
# The registry reads the whole blob again to check its digest before it answers.
_FINISH_SECONDS = 3600.0
_OCTETS = "application/octet-stream"
_LAST_BYTE = re.compile(r"(?:bytes=)?0-(\d+)")


@dataclass(frozen=True, slots=True)
class Redirected:
    """A part that belongs to a storage instead of the registry."""

    target: str
    next_url: str


class _PartDigests:
    """MD5 of each planned part, fed in any order of requests; bytes sent again count once."""

    def __init__(self, parts: list[Part]) -> None:
        self._parts = parts
        self._states = [hashlib.md5(usedforsecurity=False) for _ in parts]
        self._hashed = [0] * len(parts)

    def feed(self, part: Part, position: int, data: bytes) -> None:
        """``data`` was read at ``position`` of the blob, inside ``part``."""
        known = part.offset + self._hashed[part.number]
        if position <= known < position + len(data):
            fresh = data[known - position :]
            self._states[part.number].update(fresh)
            self._hashed[part.number] += len(fresh)

    def etag(self) -> str:
        """The checksum that a storage gives a file uploaded in parts."""
        combined = hashlib.md5(usedforsecurity=False)
        for state in self._states:
            combined.update(state.digest())
        return f"{combined.hexdigest()}-{len(self._parts)}"


class BlobUpload(PartedTransfer):
    """A ``shared.Transfer`` that ends with the blob in the registry, or raises."""

    def __init__(
        self,
        registry: Registry,
        digest: str,
        path: Path,
        *,
        mount_from: str,
        threads: Threads,
        retry: Retry,
        streams: int = 0,
    ) -> None:
        """``streams`` is the most that there may be, 0 where nobody said."""
        super().__init__(digest)
        self._registry = registry
        self._path = path
        self._mount_from = mount_from
        self._threads = threads
        self._retry = retry
        self._most_streams = streams or STREAMS
        self._digests = _PartDigests([])
        self._descriptor = -1

    async def run(self) -> None:
        """Upload the blob. Raises TransferError or StoreError."""
        with disk_errors(self._path):
            self._descriptor = os.open(self._path, os.O_RDONLY)
            try:
                total = os.fstat(self._descriptor).st_size
                self._parts = divide(total) or [Part(0, 0, 0)]
                await self._sessions()
            finally:
                os.close(self._descriptor)
        for part in self._parts:
            part.completed = part.size
        self.moved.set()

    async def _sessions(self) -> None:
        """Whole uploads, begun anew when the registry has forgotten one."""
        failures = 0
        while True:
            self._digests = _PartDigests(self._parts)
            for part in self._parts:
                part.completed = 0
            url = await self._registry.start_upload(self.digest, self._mount_from)
            if not url:
                return
            try:
                url = await self._send_all(url)
                await self._finish(url)
                return
            except (Unreachable, Refused) as error:
                if await self._registry.has_blob(self.digest):
                    return  # Only the answer was lost.
                failures += 1
                if failures >= self._retry.attempts or not _worth_retrying(error):
                    raise
            await asyncio.sleep(self._retry.pause(failures - 1))

    async def _send_all(self, url: str) -> str:
        """All parts; where the finishing request goes."""
        streams = asyncio.Semaphore(self._most_streams)
        try:
            async with asyncio.TaskGroup() as beside:
                for part in self._parts:
                    await streams.acquire()
                    step = await self._send_part(part, url)
                    if isinstance(step, Redirected):
                        url = step.next_url
                        task = beside.create_task(self._put_part(part, step.target))
                        task.add_done_callback(lambda _: streams.release())
                    else:
                        url = step
                        streams.release()
        except BaseExceptionGroup as group:
            raise first_error(group) from None
        return url

    async def _send_part(self, part: Part, url: str) -> str | Redirected:
        """One part to the registry, from the byte it has; where the next one goes."""
        failures = 0
        while True:
            before = part.completed
            try:
                answer = await self._patch(part, url)
                if answer.status_code == 307:
                    part.completed = 0
                    target = urljoin(url, answer.headers["Location"])
                    return Redirected(target, _next_url(answer, url))
                return _next_url(answer, url)
            except (Unreachable, Refused) as error:
                if not _worth_retrying(error):
                    raise
                failures = 1 if part.completed > before and failures else failures + 1
                if failures >= self._retry.attempts:
                    raise TransferError(f"max retries exceeded: {error}") from error
                await asyncio.sleep(self._retry.pause(failures - 1))
                url, received = await self._received(url)
                if not part.offset <= received <= part.end:
                    raise Unreachable("the registry has lost the upload") from error
                part.completed = received - part.offset
                if part.done:
                    return url

    async def _patch(self, part: Part, url: str) -> httpx.Response:
        headers = {
            "Content-Range": f"{part.position}-{part.end - 1}",
            "X-Redirect-Uploads": "1",
        }
        if part.size == 0:
            del headers["Content-Range"]
        answer = await self._send("PATCH", url, part, headers | self._registry.authorization(url))
        if answer.status_code == 401:
            await self._registry.renew_token(answer.headers.get("WWW-Authenticate", ""))
            raise Unreachable("the token has expired")
        if answer.status_code >= 400:
            reason = f"{answer.status_code} {answer.reason_phrase}"
            raise Refused(answer.status_code, "", f"http status {reason}: {answer.text.strip()}")
        return answer

    async def _put_part(self, part: Part, target: str) -> None:
        """One part to the storage, without the token."""
        for attempt in range(self._retry.attempts):
            part.completed = 0
            try:
                answer = await self._send("PUT", target, part, {})
                if answer.is_success:
                    return
                failure: TransferError = Refused(answer.status_code, answer.text)
            except Unreachable as error:
                failure = error
            await asyncio.sleep(self._retry.pause(attempt))
        raise TransferError(f"max retries exceeded: {failure}") from failure

    async def _send(
        self, method: str, url: str, part: Part, headers: dict[str, str]
    ) -> httpx.Response:
        size = part.end - part.position
        sent = headers | {"Content-Type": _OCTETS, "Content-Length": str(size)}
        with reach(method.capitalize(), url):
            return await self._registry.client.request(
                method, url, headers=sent, content=self._body(part)
            )

    async def _body(self, part: Part) -> AsyncIterator[bytes]:
        position = part.position
        while position < part.end:
            at = position
            size = min(_READ_BYTES, part.end - at)

            def read() -> bytes:
                data = os.pread(self._descriptor, size, at)  # noqa: B023
                self._digests.feed(part, at, data)  # noqa: B023
                return data

            data = await self._threads.run(read)
            if len(data) != size:
                raise TransferError(f"the blob {self.digest} changed while it was uploaded")
            yield data
            position += size
            part.completed = position - part.offset

    async def _received(self, url: str) -> tuple[str, int]:
        """Where the upload goes on, and how many bytes of the blob the registry has."""
        answer = await self._registry.request("GET", url)
        if answer.status != 204:
            raise Unreachable(f"the registry has lost the upload ({answer.status})")
        last = _LAST_BYTE.fullmatch(answer.headers.get("Range", ""))
        # An upload without bytes says "0-0", as one with a single byte does: send that byte again
        # would corrupt it, so begin anew instead.
        if last is None or last[1] == "0":
            raise Unreachable("the registry does not say how much it has received")
        return answer.next_url(), int(last[1]) + 1

    async def _finish(self, url: str) -> None:
        query = f"digest={quote(self.digest, safe='')}&etag={self._digests.etag()}"
        url += ("&" if "?" in url else "?") + query
        headers = {"Content-Type": _OCTETS, "Content-Length": "0"}
        answer = await self._registry.request(
            "PUT", url, headers=headers, content=b"", read_seconds=_FINISH_SECONDS
        )
        answer.check()


def _worth_retrying(error: TransferError) -> bool:
    # 404 and 416: the registry has dropped the upload, or counts its bytes differently.
    return not isinstance(error, Refused) or error.transient or error.code in (404, 416)


def _next_url(answer: httpx.Response, url: str) -> str:
    target = answer.headers.get("Docker-Upload-Location") or answer.headers.get("Location")
    return urljoin(url, target) if target else url
