"""POST /api/pull and /api/push."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from ollama_server.errors import BadRequest
from ollama_server.routes.bodies import read_raw
from ollama_server.routes.docs import documented
from ollama_server.routes.native.create import ProgressFrame
from ollama_server.routes.native.progress import progress_reply
from ollama_server.store.names import Name
from ollama_server.transfer.service import TransferService, pull_name
from ollama_server.wire.body import decode
from ollama_server.wire.native import PullRequest, PushRequest

router = APIRouter(tags=["models"])


@router.post(
    "/api/pull",
    summary="Fetch a model",
    **documented(PullRequest, ProgressFrame, stream=True),
)
async def pull(request: Request) -> Response:
    """From Ollama's registry, another OCI registry, or Hugging Face (`hf.co/user/repo:quant`).

    A pull that was broken off goes on where it stopped; nothing is installed before every digest
    has been checked.
    """
    body = decode(PullRequest, await read_raw(request))
    transfer: TransferService = request.app.state.transfer
    frames = transfer.pull(pull_name(body.model or body.name), insecure=body.insecure)
    return progress_reply(frames, stream=body.stream)


@router.post(
    "/api/push",
    summary="Send a model to a registry",
    **documented(PushRequest, ProgressFrame, stream=True),
)
async def push(request: Request) -> Response:
    """Only what the registry lacks is sent."""
    body = decode(PushRequest, await read_raw(request))
    text = (body.model or body.name).strip()
    if not text:
        raise BadRequest("model is required")
    transfer: TransferService = request.app.state.transfer
    frames = transfer.push(Name.parse(text), insecure=body.insecure)
    return progress_reply(frames, stream=body.stream)
