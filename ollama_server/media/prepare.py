"""All media of a request made ready, off the event loop; an error says which one is bad."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from ollama_server.chat.types import Media
from ollama_server.errors import BadRequest
from ollama_server.media.fetch import Allowed, Fetcher
from ollama_server.media.images import MediaError, prepare_image
from ollama_server.media.sounds import prepare_sound
from ollama_server.settings import Settings

# Decoded pictures are large: no more than these lie in memory at once, whatever arrives.
_WORKERS = 2
_MAX_URLS = 32
_FETCHES = 8


class MediaService:
    """Fetches and checks media by the limits of the settings; ``close`` ends its threads."""

    def __init__(self, settings: Settings) -> None:
        self._max_pixels = settings.image_max_pixels
        self._fetches = settings.image_urls
        self._fetcher = Fetcher(
            Allowed.parse(settings.image_url_hosts),
            settings.image_url_timeout,
            settings.image_url_max_size,
        )
        self._gate = asyncio.Semaphore(_FETCHES)
        self._workers = ThreadPoolExecutor(_WORKERS, thread_name_prefix="images")

    async def prepare(self, media: Iterable[Media]) -> None:
        """Fetch what is named by URL and bring all into the runner's formats, in place.

        Raises BadRequest that names the place of the first bad one.
        """
        wanted = list({id(medium): medium for medium in media}.values())
        remote = [medium for medium in wanted if medium.url]
        if remote and not self._fetches:
            raise BadRequest(
                f"{remote[0].place}: this server does not fetch images (OLLAMA_IMAGE_URLS is 0): "
                "send them as base64"
            )
        if len(remote) > _MAX_URLS:
            raise BadRequest(f"a request may name at most {_MAX_URLS} image URLs")
        results = await asyncio.gather(*map(self._ready, wanted), return_exceptions=True)
        for medium, result in zip(wanted, results, strict=True):
            if isinstance(result, MediaError):
                raise BadRequest(f"{medium.place}: {result}" if medium.place else str(result))
            if isinstance(result, BaseException):
                raise result

    async def _ready(self, medium: Media) -> None:
        if medium.url:
            async with self._gate:
                medium.data = await self._fetcher.fetch(medium.url)
        loop = asyncio.get_running_loop()
        medium.data = await loop.run_in_executor(self._workers, self._prepared, medium)
        medium.url = ""

    def _prepared(self, medium: Media) -> bytes:
        if medium.kind == "audio":
            return prepare_sound(medium.data).data
        return prepare_image(medium.data, self._max_pixels)

    def close(self) -> None:
        """Let the threads end; what they still do is nobody's any more."""
        self._workers.shutdown(wait=False, cancel_futures=True)
