"""A runner's process without a model, for tests of what the server makes of what it says.

``python -m tests.unit.runtime.engine`` stands in for ``python -m ollama_server.engine``; the prompt
of a generation says what it does.
"""

from __future__ import annotations

import json
import os
import signal

from ollama_server.engine import protocol as p
from ollama_server.engine.pipe import Pipe

INFO = p.ModelInfo(
    num_ctx=512,
    parallel=4,
    num_ctx_train=512,
    n_vocab=8,
    n_embd=8,
    pooling="",
    bos=0,
    eos=0,
    bos_piece="",
    eos_piece="",
    add_bos=False,
    add_eos=False,
    fim_prefix=-1,
    fim_suffix=-1,
    fim_middle=-1,
    can_shift=True,
    size=1,
    size_vram=0,
    num_gpu=0,
    num_batch=64,
)


def prompt(tokens: int, then: str = "finish") -> list[p.PromptPart]:
    """A prompt whose answer has so many tokens; then it finishes, hangs, or the process dies."""
    return [p.Text(json.dumps([tokens, then]))]


def main() -> None:
    """Answer until the server says that it is enough."""
    pipe = Pipe()
    for message in pipe.messages():
        if isinstance(message, p.Load):
            pipe.send(p.Ready(INFO))
        elif isinstance(message, p.Generate):
            generate(pipe, message)
        elif isinstance(message, p.Shutdown):
            return


def generate(pipe: Pipe, message: p.Generate) -> None:
    """Send an answer."""
    (text,) = message.prompt
    assert isinstance(text, p.Text)
    tokens, then = json.loads(text.text)
    top = [p.TokenLogprob(i, b"token", -1.0) for i in range(message.top_logprobs)]
    logprobs = [p.Logprob(0, b"token", -1.0, top)] if message.logprobs else []
    for i in range(tokens):
        pipe.send(p.Step([p.Delta(message.id, f"{i} ", 1, logprobs)]))
    if then == "finish":
        pipe.send(p.Finished(message.id, "stop", 1, 0, 1, tokens, 1))
    elif then == "die":
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
