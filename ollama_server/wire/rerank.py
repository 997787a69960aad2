"""The request of the rerank endpoint, in the shape that Jina's and Cohere's clients share."""

from __future__ import annotations

from typing import Any, ClassVar

from ollama_server.wire.body import Body
from ollama_server.wire.native import KeepAliveField


class RerankRequest(Body):
    """POST /v1/rerank and /api/rerank; documents are strings or objects with a ``text``."""

    ignored: ClassVar[frozenset[str]] = frozenset(
        {"max_chunks_per_doc", "max_tokens_per_doc", "truncation"}
    )

    model: str = ""
    query: str = ""
    documents: list[Any] = []
    top_n: int | None = None
    return_documents: bool = False
    keep_alive: KeepAliveField = None
