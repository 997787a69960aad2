"""POST /api/embed, /api/embeddings, /api/tokenize and /api/detokenize."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from ollama_server.errors import BadRequest, ModelNotFound, ServerError, Unsupported
from ollama_server.routes.bodies import read_raw
from ollama_server.routes.docs import documented
from ollama_server.routes.streaming import NDJSON, StreamingReply, Whole
from ollama_server.wire import native_frames as frames
from ollama_server.wire.body import decode
from ollama_server.wire.native import (
    DetokenizeRequest,
    EmbeddingsRequest,
    EmbedRequest,
    TokenizeRequest,
)
from ollama_server.wire.vectors import shortest_floats

router = APIRouter(tags=["embeddings"])


@router.post("/api/embed", summary="Embed texts", **documented(EmbedRequest, frames.EmbedReply))
async def embed(request: Request) -> Response:
    """A vector of unit length for each input, in the same order."""
    body = decode(EmbedRequest, await read_raw(request))
    inputs = _inputs(body.input)

    async def answer() -> bytes:
        found = await request.app.state.embedding.embed(
            body.model,
            inputs,
            truncate=body.truncate,
            dimensions=body.dimensions,
            options=body.options,
            keep_alive=body.keep_alive,
        )
        reply = frames.EmbedReply(
            model=body.model,
            embeddings=shortest_floats(found.vectors),
            total_duration=found.total_ns,
            load_duration=found.load_ns,
            prompt_eval_count=sum(found.counts),
        )
        return frames.encode(reply)

    return _reply(answer, body.model)


@router.post(
    "/api/embeddings",
    summary="Embed one text (older form)",
    **documented(EmbeddingsRequest, frames.EmbeddingsReply),
)
async def embeddings(request: Request) -> Response:
    """The vector as the model gives it."""
    body = decode(EmbeddingsRequest, await read_raw(request))
    if not body.model.strip():
        raise BadRequest("model is required")

    async def answer() -> bytes:
        try:
            found = await request.app.state.embedding.embed(
                body.model,
                [body.prompt] if body.prompt else [],
                truncate=False,
                normalize=False,
                options=body.options,
                keep_alive=body.keep_alive,
            )
        except ModelNotFound:
            raise
        except Unsupported:
            raise
        except ServerError as error:
            if str(error) == "the input length exceeds the context length":
                raise ServerError(error.message) from error
            raise
        vectors: list[list[float]] = found.vectors.astype(float).tolist()
        return frames.encode(frames.EmbeddingsReply(vectors[0] if vectors else []))

    return _reply(answer, body.model)


@router.post(
    "/api/tokenize",
    summary="Turn text into tokens",
    **documented(TokenizeRequest, frames.TokenizeReply),
)
async def tokenize(request: Request) -> Response:
    """The tokens of the text, without BOS and EOS; running generations are not disturbed."""
    body = decode(TokenizeRequest, await read_raw(request))
    if not body.model.strip():
        raise BadRequest("model is required")

    async def answer() -> bytes:
        (tokens,) = await request.app.state.embedding.tokenize(
            body.model, [body.text], options=body.options, keep_alive=body.keep_alive
        )
        return frames.encode(frames.TokenizeReply(body.model, tokens))

    return _reply(answer, body.model)


@router.post(
    "/api/detokenize",
    summary="Turn tokens into text",
    **documented(DetokenizeRequest, frames.DetokenizeReply),
)
async def detokenize(request: Request) -> Response:
    """The text of the tokens."""
    body = decode(DetokenizeRequest, await read_raw(request))
    if not body.model.strip():
        raise BadRequest("model is required")

    async def answer() -> bytes:
        text = await request.app.state.embedding.detokenize(
            body.model, body.tokens, options=body.options, keep_alive=body.keep_alive
        )
        return frames.encode(frames.DetokenizeReply(body.model, text))

    return _reply(answer, body.model)


def _inputs(value: Any) -> list[str]:
    """The texts of ``input``; a single empty one means none. Raises BadRequest."""
    if value is None or value == "":
        return []
    if isinstance(value, str):
        return [value]
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return value
    raise BadRequest("invalid input type")


def _reply(answer: Callable[[], Awaitable[bytes]], model: str) -> Response:
    """One object; the work ends when the client hangs up."""

    async def whole() -> AsyncGenerator[bytes | Whole, None]:
        try:
            yield Whole(await answer())
        except ModelNotFound as error:
            if not model.strip():
                raise
            text = f'model "{model}" not found, try pulling it first'
            raise ModelNotFound(text) from error

    return StreamingReply(whole(), media_type=NDJSON, encode_error=lambda error: b"")
