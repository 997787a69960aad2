"""POST /v1/embeddings."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from ollama_server.errors import BadRequest, ModelNotFound
from ollama_server.generation.embedding import Embeddings
from ollama_server.routes.answers import whole_reply
from ollama_server.routes.bodies import read_body
from ollama_server.routes.docs import documented
from ollama_server.routes.openai.requests import is_tokens
from ollama_server.wire import sse
from ollama_server.wire.body import decode
from ollama_server.wire.openai import EmbeddingRequest
from ollama_server.wire.vectors import shortest_floats

router = APIRouter(tags=["OpenAI"])


@router.post(
    "/v1/embeddings",
    summary="Embed texts or tokens",
    **documented(EmbeddingRequest, family="openai"),
)
async def embeddings(request: Request) -> Response:
    """A vector of unit length for each input, as numbers or base64."""
    body = decode(EmbeddingRequest, await read_body(request), empty="EOF")
    encoding = (body.encoding_format or "float").lower()
    if encoding not in ("float", "base64"):
        raise BadRequest(
            f"Invalid value for 'encoding_format' = {body.encoding_format}. "
            "Supported values: ['float', 'base64']."
        )
    texts, tokens = inputs_of(body.input)

    async def whole() -> bytes:
        try:
            result = await request.app.state.embedding.embed(
                body.model,
                texts,
                token_inputs=tokens,
                dimensions=body.dimensions or 0,
                keep_alive=body.keep_alive,
            )
        except ModelNotFound as error:
            raise not_found(body.model, error) from None
        return sse.json_body(embedding_list(body.model, result, as_base64=encoding == "base64"))

    return whole_reply(whole)


def inputs_of(value: Any) -> tuple[list[str], list[list[int]]]:
    """Texts, or lists of tokens; raises BadRequest for what is neither or empty."""
    match value:
        case None | []:
            raise BadRequest("invalid input")
        case str(text):
            return [text], []
        case list(items) if all(isinstance(item, str) for item in items):
            return items, []
        case list(items) if is_tokens(items):
            return [], [items]
        case list(items) if all(is_tokens(item) for item in items):
            return [], items
        case _:
            raise BadRequest("invalid input type")


def not_found(model: str, error: ModelNotFound) -> ModelNotFound:
    """The embedding endpoints' own words for a model that is not installed."""
    return ModelNotFound(f'model "{model}" not found, try pulling it first') if model else error


def embedding_list(model: str, result: Embeddings, *, as_base64: bool) -> dict[str, Any]:
    """The answer, with vectors as numbers or as base64 of little-endian float32."""
    vectors: list[Any]
    if as_base64:
        rows = result.vectors.astype(np.dtype("<f4"))
        vectors = [base64.b64encode(row.tobytes()).decode() for row in rows]
    else:
        vectors = shortest_floats(result.vectors)
    total = sum(result.counts)
    return {
        "object": "list",
        "data": [
            {"object": "embedding", "embedding": vector, "index": index}
            for index, vector in enumerate(vectors)
        ],
        "model": model,
        "usage": {"prompt_tokens": total, "total_tokens": total},
    }
