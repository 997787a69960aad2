"""The runner process: ``python -m ollama_server.engine``, started as engine/launch.py says.

The first message is Load. After Ready, this thread owns the context and computes; a second one
reads requests, and answers at once those that need no computing. ``--devices`` prints what the
llama.cpp build can compute on as JSON and ends.
"""

from __future__ import annotations

import ctypes
import gc
import os
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Iterator

from . import protocol as p
from .devices import print_devices
from .drafting import Drafter, load_drafter
from .engine import Engine
from .errors import RequestError
from .intake import Intake, Prepared
from .log import NativeLog
from .model import Model, ModelError
from .pipe import Pipe
from .vision import Projector

PR_SET_PDEATHSIG = 1


def main() -> int:
    """Entry point; the exit status."""
    if "--devices" in sys.argv[1:]:
        print_devices()
        return 0
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal is the server's to handle
    pipe = Pipe()
    threading.excepthook = die_of
    messages = pipe.messages()
    load = next(messages, None)
    if not isinstance(load, p.Load):
        return 0
    log = NativeLog(verbose=os.environ.get("OLLAMA_DEBUG", "") not in ("", "0", "false"))
    try:
        model = Model(load, lambda fraction: pipe.send(p.Progress(fraction)), log)
        projector = Projector(load.projectors[0], model, load) if load.projectors else None
        info = model.info()
        drafter = load_drafter(load, model)
    except ModelError as error:
        pipe.send(p.LoadFailed(str(error), error.kind))  # type: ignore[arg-type]
        return 1
    if projector is not None:
        info.vision, info.audio = projector.vision, projector.audio
    if drafter is not None:
        info.size, info.size_vram = info.size + drafter.size, info.size_vram + drafter.size_vram
    pipe.send(p.Ready(info))
    serve(model, projector, drafter, pipe, messages)
    return 0


def serve(
    model: Model,
    projector: Projector | None,
    drafter: Drafter | None,
    pipe: Pipe,
    messages: Iterator[p.ToRunner],
) -> None:
    """Answer messages until Shutdown or until the server is gone."""
    inbox: queue.SimpleQueue[object] = queue.SimpleQueue()
    intake = Intake(model, projector)
    reader = threading.Thread(
        target=read, args=(model, intake, pipe, messages, inbox), name="reader", daemon=True
    )
    reader.start()
    gc.freeze()  # what is there by now stays: no collection has to look at it between two steps
    try:
        Engine(model, inbox, pipe.send, projector, drafter).run()
    except BrokenPipeError:
        return
    if projector is not None:
        projector.close()
    if drafter is not None:
        drafter.close()
    model.close()


def read(
    model: Model,
    intake: Intake,
    pipe: Pipe,
    messages: Iterator[p.ToRunner],
    inbox: queue.SimpleQueue[object],
) -> None:
    """Sort the messages: text and tokens are answered here, the rest goes to the engine."""

    def deliver(result: Prepared | p.Failed) -> None:
        if isinstance(result, p.Failed):
            pipe.send(result)
        else:
            inbox.put(result)

    for message in messages:
        match message:
            case p.Generate():
                intake.submit(message, deliver)
            case p.Cancel():
                if not intake.cancel(message.id):
                    inbox.put(message)
            case p.Tokenize():
                intake.tokenize(message, pipe.send)
            case p.Detokenize():
                pipe.send(detokenized(model, message))
            case _:
                inbox.put(message)
    inbox.put(p.Shutdown())


def detokenized(model: Model, message: p.Detokenize) -> p.Detokenized | p.Failed:
    """The text of tokens, or which of them there is none for."""
    try:
        tokens = model.known_tokens(message.tokens)
    except RequestError as error:
        return p.Failed(message.id, str(error), error.status)
    return p.Detokenized(message.id, model.detokenize(tokens))


def die_of(args: threading.ExceptHookArgs) -> None:
    """End the process when any of its threads fails: the server then tells every client."""
    if isinstance(args.exc_value, BrokenPipeError):
        os._exit(0)
    traceback.print_exception(args.exc_value)
    sys.stderr.flush()
    os._exit(1)


def die_with_parent() -> None:
    """Ask Linux for a SIGKILL when the server dies; elsewhere the closed pipe has to do."""
    if sys.platform == "linux":
        parent = os.getppid()
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
