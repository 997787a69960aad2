"""The routes of OpenAI's API."""

from __future__ import annotations

from fastapi import APIRouter

from ollama_server.routes.openai import audio, chat, embeddings, models, responses

router = APIRouter()
for part in (chat, embeddings, models, responses, audio):
    router.include_router(part.router)
