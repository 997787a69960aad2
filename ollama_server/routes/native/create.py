"""POST /api/create."""

from __future__ import annotations

from typing import Any

import msgspec
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from ollama_server.errors import BadRequest
from ollama_server.routes.bodies import read_raw
from ollama_server.routes.docs import documented
from ollama_server.routes.native.progress import progress_reply
from ollama_server.store import create
from ollama_server.store import create_request as store_request
from ollama_server.wire.body import decode
from ollama_server.wire.native import CreateRequest, MessageBody

router = APIRouter(tags=["models"])


class ProgressFrame(msgspec.Struct, omit_defaults=True):
    """One line of a long operation; `total` and `completed` are bytes."""

    status: str
    digest: str = ""
    total: int = 0
    completed: int = 0


@router.post(
    "/api/create",
    summary="Make a model",
    **documented(CreateRequest, ProgressFrame, stream=True),
)
async def create_model(request: Request) -> Response:
    """From an installed model, or from files that were uploaded as blobs."""
    body = decode(CreateRequest, await read_raw(request))
    state = request.app.state
    frames = create.create_model(
        state.store,
        to_request(body),
        hooks=state.create_hooks,
        prune=not state.settings.noprune,
    )
    return progress_reply(frames, stream=body.stream)


def to_request(body: CreateRequest) -> store_request.CreateRequest:
    """The store's form of a request. Raises BadRequest."""
    return store_request.CreateRequest(
        model=body.model or body.name,
        from_=body.from_,
        files=body.files,
        adapters=body.adapters,
        draft_files=body.draft_files,
        template=body.template,
        system=body.system,
        license=_licenses(body.license),
        parameters=body.parameters,
        messages=[_message(message) for message in body.messages],
        quantize=body.quantize or body.quantization,
        draft_quantize=body.draft_quantize,
        renderer=body.renderer,
        parser=body.parser,
        requires=body.requires,
        remote_host=body.remote_host,
        info=body.info,
    )


def _message(body: MessageBody) -> dict[str, Any]:
    if not isinstance(body.content, str):
        raise BadRequest("the messages of a model have text as content")
    return body.model_dump(exclude={"images"})


def _licenses(value: Any) -> list[str]:
    texts = value if isinstance(value, list) else [] if value is None else [value]
    if not all(isinstance(text, str) for text in texts):
        raise BadRequest("license must be a string or an array of strings")
    return [text for text in texts if text]
