"""What a response repeats of its request, with the values of what was left out."""

from __future__ import annotations

from typing import Any

from ollama_server.routes.openai.requests import DEFAULT_TEMPERATURE, DEFAULT_TOP_P
from ollama_server.wire.openai_responses import ResponsesRequest, ResponsesTool


def echo(request: ResponsesRequest) -> dict[str, Any]:
    """Every field of a response that does not depend on the answer."""
    reasoning = request.reasoning
    return {
        "model": request.model,
        "previous_response_id": None,
        "instructions": request.instructions or None,
        "tools": [_tool(tool) for tool in request.tools],
        "tool_choice": request.tool_choice or "auto",
        "truncation": request.truncation or "disabled",
        "parallel_tool_calls": request.parallel_tool_calls,
        "text": {"format": _format(request)},
        "top_p": DEFAULT_TOP_P if request.top_p is None else request.top_p,
        "presence_penalty": 0,
        "frequency_penalty": 0,
        "top_logprobs": 0,
        "temperature": (
            DEFAULT_TEMPERATURE if request.temperature is None else request.temperature
        ),
        "reasoning": (
            {"effort": reasoning.effort, "summary": reasoning.summary} if reasoning else None
        ),
        "max_output_tokens": request.max_output_tokens,
        "max_tool_calls": None,
        "store": False,
        "background": request.background,
        "service_tier": "default",
        "metadata": request.metadata,
        "safety_identifier": request.safety_identifier,
        "prompt_cache_key": request.prompt_cache_key,
    }


def _format(request: ResponsesRequest) -> dict[str, Any]:
    wanted = request.text.format if request.text else None
    if wanted is None:
        return {"type": "text"}
    if wanted.type != "json_schema":
        return {"type": wanted.type or "text"}
    return {
        "type": wanted.type,
        "name": wanted.name,
        "description": wanted.description or None,
        "schema": wanted.schema_,
        "strict": wanted.strict,
    }


def _tool(tool: ResponsesTool) -> dict[str, Any]:
    if tool.type == "namespace":
        members = [_tool(member) for member in tool.tools]
        return {"type": tool.type, "name": tool.name, "tools": members}
    return {
        "type": tool.type,
        "name": tool.name,
        "description": tool.description or None,
        "strict": tool.strict,
        "parameters": tool.parameters,
    }
