"""The routes of OpenAI's API."""

from __future__ import annotations

from fastapi import APIRouter

from ollama_server.routes.openai import chat, embeddings, models, responses

router = APIRouter()
for part in (chat, embeddings, models, responses):
    router.include_router(part.router)
