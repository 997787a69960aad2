"""A runner process driven through its pipes, as the server drives it, but one call at a time."""

from __future__ import annotations

import contextlib
import math
import os
import re
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from ollama_server.engine import launch
from ollama_server.engine import protocol as p

GREEDY = p.Sampling(temperature=0)


@dataclass
class Answer:
    """All that came back for one generation."""

    text: str = ""
    deltas: list[p.Delta] = field(default_factory=list)
    end: p.Finished | p.Failed | None = None

    @property
    def finished(self) -> p.Finished:
        assert isinstance(self.end, p.Finished), self.end
        return self.end

    @property
    def failed(self) -> p.Failed:
        assert isinstance(self.end, p.Failed), self.end
        return self.end


class Runner:
    """Loads a model on construction; ``answer`` is Ready or LoadFailed.

    Keywords are more of its environment.
    """

    def __init__(self, load: p.Load, **environment: str) -> None:
        self._process = subprocess.Popen(
            launch.COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=launch.environment({**os.environ, **environment}),
        )
        self._next_id = 0
        self.send(load)
        answer = self.receive()
        while isinstance(answer, p.Progress):
            answer = self.receive()
        self.answer = answer

    @property
    def info(self) -> p.ModelInfo:
        assert isinstance(self.answer, p.Ready), self.answer
        return self.answer.info

    @cached_property
    def no_end(self) -> dict[int, float]:
        """A logit bias that forbids every token that ends a generation."""
        names = "<|endoftext|><|im_end|><|fim_pad|><|repo_name|><|file_sep|>"
        self.send(p.Tokenize(self.id(), [names]))
        tokens = self.receive()
        assert isinstance(tokens, p.Tokenized)
        return dict.fromkeys(tokens.tokens[0], -math.inf)

    def mappings(self) -> list[str]:
        """What Linux says of each range of the process's memory."""
        text = Path(f"/proc/{self._process.pid}/smaps").read_text()
        return re.split(r"^(?=[0-9a-f]+-[0-9a-f]+ )", text, flags=re.MULTILINE)[1:]

    def id(self) -> int:
        self._next_id += 1
        return self._next_id

    def send(self, *messages: p.ToRunner) -> None:
        """Send messages, which arrive together."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"".join(map(p.frame, messages)))
        self._process.stdin.flush()

    def receive(self) -> p.FromRunner:
        assert self._process.stdout is not None
        header = self._process.stdout.read(p.HEADER.size)
        if len(header) < p.HEADER.size:
            raise EOFError("the runner has ended")
        return p.decode_from_runner(self._process.stdout.read(p.HEADER.unpack(header)[0]))

    def request(self, prompt: str, **options: object) -> p.Generate:
        options.setdefault("sampling", GREEDY)
        return p.Generate(self.id(), [p.Text(prompt)], **options)  # type: ignore[arg-type]

    def generate(self, prompt: str, **options: object) -> Answer:
        return self.generate_all([self.request(prompt, **options)])[0]

    def generate_all(
        self,
        requests: Iterable[p.Generate],
        seen: Callable[[p.FromRunner], None] = lambda _: None,
    ) -> list[Answer]:
        """Send all at once and wait for all; ``seen`` gets every message as it comes."""
        requests = list(requests)
        answers = {request.id: Answer() for request in requests}
        self.send(*requests)
        while any(answer.end is None for answer in answers.values()):
            message = self.receive()
            collect(answers, message)
            seen(message)
        return list(answers.values())

    def stats(self) -> p.Stats:
        self.send(p.GetStats(self.id()))
        while True:
            message = self.receive()
            if isinstance(message, p.Stats):
                return message

    def close(self) -> int:
        with contextlib.suppress(BrokenPipeError):  # it ends by itself when a load fails
            self.send(p.Shutdown())
        return self._process.wait(30)


def collect(answers: dict[int, Answer], message: p.FromRunner) -> None:
    """Add a message to the answer it belongs to."""
    if isinstance(message, p.Step):
        for delta in message.deltas:
            if delta.id not in answers:  # of a request that was cancelled meanwhile
                continue
            answers[delta.id].text += delta.text
            answers[delta.id].deltas.append(delta)
    elif isinstance(message, p.Finished | p.Failed) and message.id in answers:
        answers[message.id].end = message
