"""The routes of Anthropic's API."""

from __future__ import annotations

from ollama_server.routes.anthropic.messages import router

__all__ = ["router"]
