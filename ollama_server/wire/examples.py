"""What a request and its answer look like, for each route: FastAPI's /docs shows them.

Tests send the requests to a server and compare the shapes of the answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

TINY = "tiny:latest"
DIGEST = "e5b89689bc43290b8b51a9602fbd25a0fb6dd6c5f98ea231e7ce0668a2f4f571"
MOMENT = "2026-01-31T12:00:00.123456789Z"
SECONDS = 1769860800
HELLO = "Hello! How can I help you today?"
SKY = "Why is the sky blue?"
ASKED = [{"role": "user", "content": "Hello"}]


@dataclass(frozen=True, slots=True)
class Example:
    """JSON in, JSON out, and the text of a stream where a route has one.

    ``request`` None means no body, a str a body of bytes. A ``reply`` that is a str is plain text,
    None an empty body. ``status`` is what routes answer that are here for their refusal only.
    ``form`` says that the request is a multipart form, whose ``file`` is that of the client's disk.
    """

    request: Any = None
    reply: Any = None
    stream: str = ""
    status: int = 200
    form: bool = False


_COUNTERS = {
    "done_reason": "stop",
    "context": [4082, 270, 198, 1003, 4083],
    "total_duration": 86865245,
    "load_duration": 320017,
    "prompt_eval_count": 13,
    "prompt_eval_duration": 2273367,
    "eval_count": 10,
    "eval_duration": 21506944,
    "metrics": {"total_duration": 86865245, "load_duration": 320017, "sample_count": 10},
}
_FRAME = {"model": "tiny", "created_at": MOMENT}
_DETAILS = {
    "parent_model": "tiny.gguf",
    "format": "gguf",
    "family": "qwen3",
    "families": ["qwen3"],
    "parameter_size": "4.59M",
    "quantization_level": "Q8_0",
}
_MODEL = {"name": TINY, "model": TINY, "size": 5026897, "digest": DIGEST}
_CAPABILITIES = ["tools", "thinking", "completion", "insert"]
_OPENAI_MODEL = {"id": TINY, "object": "model", "created": SECONDS, "owned_by": "library"}
_USAGE = {
    "prompt_tokens": 13,
    "completion_tokens": 10,
    "total_tokens": 23,
    "prompt_tokens_details": {"cached_tokens": 0},
}
_CHAT_FRAMES = """\
{"model":"tiny","created_at":"…","message":{"role":"assistant","content":"Hello"},"done":false}
{"model":"tiny","created_at":"…","message":{"role":"assistant","content":""},"done":true,\
"done_reason":"stop","eval_count":10}
"""
_GENERATE_FRAMES = """\
{"model":"tiny","created_at":"…","response":"Hello","done":false}
{"model":"tiny","created_at":"…","response":"","done":true,"done_reason":"stop","eval_count":10}
"""
_PULL_FRAMES = """\
{"status":"pulling manifest"}
{"status":"pulling 451578bb708a","digest":"sha256:451578bb…","total":5025536,"completed":1048576}
{"status":"verifying sha256 digest"}
{"status":"writing manifest"}
{"status":"success"}
"""
_PUSH_FRAMES = """\
{"status":"retrieving manifest"}
{"status":"pushing 451578bb708a","digest":"sha256:451578bb…","total":5025536,"completed":1048576}
{"status":"pushing manifest"}
{"status":"success"}
"""
_CREATE_FRAMES = """\
{"status":"using existing layer sha256:451578bb…"}
{"status":"creating new layer sha256:15d6cc36…"}
{"status":"writing manifest"}
{"status":"success"}
"""

NATIVE = {
    "GET /": Example(reply="Ollama is running"),
    "GET /api/version": Example(reply={"version": "0.30.0", "server": "ollama-server/0.1.0"}),
    "GET /api/status": Example(reply={"cloud": {"disabled": True, "source": "env"}}),
    "GET /metrics": Example(reply="# HELP …\n# TYPE …\n"),
    "GET /api/experimental/model-recommendations": Example(
        reply={
            "recommendations": [
                {"model": "qwen3.5", "description": "Reasoning", "vram_bytes": 14_000_000_000}
            ]
        }
    ),
    "POST /api/me": Example(reply={"error": "account unavailable"}, status=503),
    "POST /api/signout": Example(reply={"error": "you are not currently signed in"}, status=401),
    "DELETE /api/user/keys/{key}": Example(
        reply={"error": "you are not currently signed in"}, status=401
    ),
    "POST /api/experimental/web_search": Example(
        {"query": "weather in Paris"},
        {"error": "ollama cloud is disabled: web search is unavailable"},
        status=403,
    ),
    "POST /api/experimental/web_fetch": Example(
        {"url": "https://example.com"},
        {"error": "ollama cloud is disabled: web fetch is unavailable"},
        status=403,
    ),
    "GET /api/tags": Example(
        reply={
            "models": [
                {
                    **_MODEL,
                    "modified_at": MOMENT,
                    "details": {**_DETAILS, "context_length": 4096, "embedding_length": 256},
                    "capabilities": _CAPABILITIES,
                }
            ]
        }
    ),
    "GET /api/ps": Example(
        reply={
            "models": [
                {
                    **_MODEL,
                    "details": _DETAILS,
                    "expires_at": MOMENT,
                    "size_vram": 0,
                    "context_length": 4096,
                }
            ]
        }
    ),
    "POST /api/show": Example(
        {"model": "tiny"},
        {
            "modelfile": "FROM /root/.ollama/models/blobs/sha256-451578bb…",
            "parameters": 'stop                           "<|im_end|>"',
            "template": "{%- for message in messages %}…",
            "details": _DETAILS,
            "model_info": {"general.architecture": "qwen3", "qwen3.context_length": 4096},
            "tensors": [{"name": "token_embd.weight", "type": "Q8_0", "shape": [256, 4096]}],
            "capabilities": _CAPABILITIES,
            "modified_at": MOMENT,
        },
    ),
    "POST /api/create": Example(
        {"model": "mario", "from": "tiny", "system": "You are Mario.", "stream": False},
        {"status": "success"},
        _CREATE_FRAMES,
    ),
    "POST /api/copy": Example({"source": "tiny", "destination": "mine"}),
    "DELETE /api/delete": Example({"model": "mine"}),
    "POST /api/blobs/{digest}": Example("the bytes of a file"),
    "HEAD /api/blobs/{digest}": Example(),
    "POST /api/pull": Example(
        {"model": "llama3.2", "stream": False}, {"status": "success"}, _PULL_FRAMES
    ),
    "POST /api/push": Example(
        {"model": "me/mine", "stream": False}, {"status": "success"}, _PUSH_FRAMES
    ),
    "POST /api/generate": Example(
        {"model": "tiny", "prompt": SKY, "think": False, "stream": False},
        {**_FRAME, "response": HELLO, "done": True, **_COUNTERS},
        _GENERATE_FRAMES,
    ),
    "POST /api/chat": Example(
        {"model": "tiny", "messages": ASKED, "think": False, "stream": False},
        {**_FRAME, "message": {"role": "assistant", "content": HELLO}, "done": True, **_COUNTERS},
        _CHAT_FRAMES,
    ),
    "POST /api/embed": Example(
        {"model": "all-minilm", "input": [SKY, "Why is the grass green?"]},
        {
            "model": "all-minilm",
            "embeddings": [[0.0101, -0.0017, 0.0501], [-0.0098, 0.0604, 0.0253]],
            "total_duration": 14143917,
            "load_duration": 1019500,
            "prompt_eval_count": 16,
        },
    ),
    "POST /api/embeddings": Example(
        {"model": "all-minilm", "prompt": SKY}, {"embedding": [0.567, 0.009, 0.232]}
    ),
    "POST /api/tokenize": Example(
        {"model": "tiny", "text": SKY}, {"model": "tiny", "tokens": [1539, 289, 305, 895, 681, 30]}
    ),
    "POST /api/detokenize": Example(
        {"model": "tiny", "tokens": [1539, 289, 305, 895, 681, 30]}, {"model": "tiny", "text": SKY}
    ),
}

_RANKED = Example(
    {
        "model": "bge-reranker-v2-m3",
        "query": "Why is the sky blue?",
        "documents": ["Air scatters blue light most.", "Grass is green."],
    },
    {
        "id": "rerank-8f2b1c",
        "object": "list",
        "model": "bge-reranker-v2-m3",
        "results": [
            {"index": 0, "relevance_score": 0.98},
            {"index": 1, "relevance_score": 0.01},
        ],
        "usage": {"prompt_tokens": 28, "total_tokens": 28},
    },
)
_CHUNKS = """\
data: {"id":"chatcmpl-c833","object":"chat.completion.chunk","created":1769860800,"model":"tiny",\
"system_fingerprint":"fp_ollama","choices":[{"index":0,"delta":{"role":"assistant",\
"content":"Hello"},"finish_reason":null}]}

data: [DONE]
"""
_TEXT_CHUNKS = """\
data: {"id":"cmpl-ac3b","object":"text_completion","created":1769860800,"model":"tiny",\
"system_fingerprint":"fp_ollama","choices":[{"text":"Hello","index":0,"finish_reason":null}]}

data: [DONE]
"""
_RESPONSE_EVENTS = """\
event: response.created
data: {"type":"response.created","response":{"id":"resp_94ab","status":"in_progress"}}

event: response.output_text.delta
data: {"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"Hello"}

event: response.completed
data: {"type":"response.completed","response":{"id":"resp_94ab","status":"completed"}}
"""
_MESSAGE_EVENTS = """\
event: message_start
data: {"type":"message_start","message":{"id":"msg_ffb7","type":"message","role":"assistant"}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello"}}

event: message_stop
data: {"type":"message_stop"}
"""

COMPATIBLE = {
    "POST /v1/chat/completions": Example(
        {"model": "tiny", "messages": ASKED, "reasoning_effort": "none"},
        {
            "id": "chatcmpl-c833",
            "object": "chat.completion",
            "created": SECONDS,
            "model": "tiny",
            "system_fingerprint": "fp_ollama",
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": HELLO},
                    "finish_reason": "stop",
                }
            ],
            "usage": _USAGE,
        },
        _CHUNKS,
    ),
    "POST /v1/completions": Example(
        {"model": "tiny", "prompt": "Hello", "max_tokens": 32},
        {
            "id": "cmpl-ac3b",
            "object": "text_completion",
            "created": SECONDS,
            "model": "tiny",
            "system_fingerprint": "fp_ollama",
            "choices": [{"text": HELLO, "index": 0, "finish_reason": "stop"}],
            "usage": _USAGE,
        },
        _TEXT_CHUNKS,
    ),
    "POST /v1/responses": Example(
        {"model": "tiny", "input": "Hello", "reasoning": {"effort": "none"}},
        {
            "id": "resp_94ab",
            "object": "response",
            "created_at": SECONDS,
            "completed_at": SECONDS,
            "status": "completed",
            "output": [
                {
                    "id": "msg_2e03",
                    "type": "message",
                    "status": "completed",
                    "role": "assistant",
                    "content": [{"type": "output_text", "text": HELLO}],
                }
            ],
            "model": "tiny",
            "usage": {"input_tokens": 13, "output_tokens": 10, "total_tokens": 23},
        },
        _RESPONSE_EVENTS,
    ),
    "POST /v1/audio/transcriptions": Example(
        {"model": "qwen2-audio", "file": "speech.wav", "response_format": "json"},
        {
            "text": "Good morning, everybody.",
            "usage": {
                "type": "tokens",
                "input_tokens": 412,
                "output_tokens": 6,
                "total_tokens": 418,
            },
        },
        'data: {"type":"transcript.text.delta","delta":"Good morning,"}\n\n',
        form=True,
    ),
    "POST /v1/embeddings": Example(
        {"model": "all-minilm", "input": SKY},
        {
            "object": "list",
            "data": [{"object": "embedding", "embedding": [0.0101, -0.0017], "index": 0}],
            "model": "all-minilm",
            "usage": {"prompt_tokens": 8, "total_tokens": 8},
        },
    ),
    "GET /v1/models": Example(reply={"object": "list", "data": [_OPENAI_MODEL]}),
    "GET /v1/models/{model}": Example(reply=_OPENAI_MODEL),
    "POST /v1/messages": Example(
        {
            "model": "tiny",
            "max_tokens": 64,
            "messages": ASKED,
            "thinking": {"type": "disabled"},
        },
        {
            "id": "msg_ffb7",
            "type": "message",
            "role": "assistant",
            "model": "tiny",
            "content": [{"type": "text", "text": HELLO}],
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "usage": {"input_tokens": 13, "output_tokens": 10},
        },
        _MESSAGE_EVENTS,
    ),
    "POST /v1/messages/count_tokens": Example(
        {"model": "tiny", "messages": ASKED}, {"input_tokens": 9}
    ),
    "POST /v1/rerank": _RANKED,
    "POST /api/rerank": _RANKED,
}

EXAMPLES: dict[str, Example] = {**NATIVE, **COMPATIBLE}
