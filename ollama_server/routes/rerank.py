"""POST /v1/rerank and /api/rerank: how well documents answer a query.

The answer has the fields that Jina's and Cohere's clients read.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from ollama_server.errors import BadRequest
from ollama_server.generation.embedding import Embeddings
from ollama_server.routes.answers import new_id, whole_reply
from ollama_server.routes.bodies import read_body
from ollama_server.routes.docs import documented
from ollama_server.runtime.runner import Vectors
from ollama_server.wire import sse
from ollama_server.wire.body import decode
from ollama_server.wire.rerank import RerankRequest

router = APIRouter(tags=["reranking"])


@router.post(
    "/v1/rerank",
    summary="Rank documents",
    **documented(RerankRequest, family="openai"),
)
@router.post("/api/rerank", summary="Rank documents", **documented(RerankRequest))
async def rerank(request: Request) -> Response:
    """Documents in the order of their relevance."""
    empty = "missing request body" if request.url.path.startswith("/api/") else "EOF"
    body = decode(RerankRequest, await read_body(request), empty=empty)
    if not body.model:
        raise BadRequest("model is required")
    if not body.query:
        raise BadRequest("query is required")
    documents = texts_of(body.documents)

    async def whole() -> bytes:
        result = await request.app.state.embedding.rerank(
            body.model, body.query, documents, keep_alive=body.keep_alive
        )
        return sse.json_body(ranking(body, documents, result))

    return whole_reply(whole)


def texts_of(documents: list[Any]) -> list[str]:
    """The text of each document: a string, or an object's ``text``."""
    if not documents:
        raise BadRequest("documents is required")
    texts = []
    for index, document in enumerate(documents):
        text = document.get("text") if isinstance(document, dict) else document
        if not isinstance(text, str):
            raise BadRequest(f"documents[{index}] must be a string or an object with a text")
        texts.append(text)
    return texts


def relevance(vectors: Vectors) -> list[float]:
    """Scores between 0 and 1.

    A reranker with one output gives a logit; one with several classes gives probabilities, that of
    "relevant" first.
    """
    first = vectors[:, 0].astype(np.float64)
    scores: list[float] = (1 / (1 + np.exp(-first)) if vectors.shape[1] == 1 else first).tolist()
    return scores


def ranking(body: RerankRequest, documents: list[str], result: Embeddings) -> dict[str, Any]:
    """The best documents first; equal ones in the order of the request."""
    scores = relevance(result.vectors)
    order = sorted(range(len(documents)), key=lambda index: -scores[index])
    if body.top_n is not None and body.top_n > 0:
        order = order[: body.top_n]
    results = []
    for index in order:
        item: dict[str, Any] = {"index": index, "relevance_score": scores[index]}
        if body.return_documents:
            item["document"] = {"text": documents[index]}
        results.append(item)
    total = sum(result.counts)
    return {
        "id": new_id("rerank-"),
        "object": "list",
        "model": body.model,
        "results": results,
        "usage": {"prompt_tokens": total, "total_tokens": total},
    }
