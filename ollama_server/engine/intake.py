"""Requests made ready for the engine, off its thread: tokenized, cut to fit, grammar compiled."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

import numpy as np

from . import protocol as p
from .constraint import Constraint, GrammarCompiler, GrammarError
from .errors import RequestError
from .model import Model
from .sampling import Sampler, SamplingError
from .sequence import Sequence
from .text import TextStream
from .vision import MediaError, MediaPrompt, Projector, too_long

P = ParamSpec("P")
T = TypeVar("T")

# Generations without an end are cut at this many times the context.
ENDLESS = 10
# Characters of a prompt that is made ready off the reader's thread.
LONG = 100_000
# Cells that a shift may always use, however many tokens a request wants to keep; llama.cpp's value.
SHIFTED_CELLS = 4
PROMPT_TOO_LONG = (
    "the prompt is longer than the context length currently available to the model; shorten the "
    "prompt, adjust the context length in settings, or use a model with a longer context length"
)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A sequence that only needs a slot."""

    sequence: Sequence


Deliver = Callable[[Prepared | p.Failed], None]


class Intake:
    """Prepares generations, those that take a while on a thread of their own.

    Compiling a grammar can take a second, encoding an image several, and so can taking a text of
    many control tokens apart.
    """

    def __init__(self, model: Model, projector: Projector | None = None) -> None:
        self._model = model
        self._projector = projector
        self._compiler = GrammarCompiler(model)
        self._grammars = ThreadPoolExecutor(max_workers=1, thread_name_prefix="grammars")
        self._media = ThreadPoolExecutor(max_workers=1, thread_name_prefix="media")
        self._texts = ThreadPoolExecutor(max_workers=1, thread_name_prefix="texts")
        self._lock = threading.Lock()
        self._pending: dict[int, bool] = {}  # request id -> still wanted

    def submit(self, request: p.Generate, deliver: Deliver) -> None:
        """Prepare a request and hand over the result, now or later."""
        if any(isinstance(part, p.Media) for part in request.prompt):
            workers = self._media
        elif request.grammar is not None:
            workers = self._grammars
        elif sum(len(part.text) for part in request.prompt if isinstance(part, p.Text)) > LONG:
            workers = self._texts
        else:
            deliver(self.prepare(request))
            return
        self._pending[request.id] = True
        workers.submit(self._work, request, deliver)

    def tokenize(self, message: p.Tokenize, send: Callable[[p.Tokenized], None]) -> None:
        """Take texts apart and send their tokens, now or later."""
        if sum(map(len, message.texts)) > LONG:
            self._texts.submit(ending_the_process, self._tokenize, message, send)
        else:
            self._tokenize(message, send)

    def _tokenize(self, message: p.Tokenize, send: Callable[[p.Tokenized], None]) -> None:
        options = {"add_special": message.add_special, "special": message.special}
        tokens = [self._model.tokenize(text, **options) for text in message.texts]
        send(p.Tokenized(message.id, tokens))

    def cancel(self, request: int) -> bool:
        """Forget a request that is still being prepared; False where there is no such request."""
        with self._lock:
            if request not in self._pending:
                return False
            self._pending[request] = False
            return True

    def prepare(self, request: p.Generate) -> Prepared | p.Failed:
        """The sequence of a request, or why there is none."""
        try:
            return Prepared(self._sequence(request))
        except (RequestError, SamplingError, GrammarError, MediaError) as error:
            return p.Failed(request.id, str(error), getattr(error, "status", 400))

    def _work(self, request: p.Generate, deliver: Deliver) -> None:
        if not self._pending[request.id]:
            del self._pending[request.id]
            return
        result = ending_the_process(self.prepare, request)
        with self._lock:
            if self._pending.pop(request.id):
                deliver(result)
            elif isinstance(result, Prepared):
                result.sequence.sampler.close()

    def _sequence(self, request: p.Generate) -> Sequence:
        model = self._model
        if model.embedding:
            raise RequestError("this model only makes embeddings and cannot generate text")
        prompt = self._prompt(request)
        tokens, dropped = self._fit(request, prompt)
        constraint = self._constraint(request)
        sampler = Sampler(request.sampling, model.n_vocab, model.layout.cells)
        sampler.remember(tokens)
        most = ENDLESS * model.layout.cells
        return Sequence(
            request=request,
            tokens=tokens,
            prompt=np.array(tokens, dtype=np.int32),
            sampler=sampler,
            text=TextStream(request.stop),
            max_tokens=min(request.max_tokens, most) if request.max_tokens >= 0 else most,
            constraint=constraint,
            media=prompt.chunks,
            dropped=dropped,
            keep=max(0, min(self._keep(request, tokens), model.layout.cells - SHIFTED_CELLS)),
        )

    def _constraint(self, request: p.Generate) -> Constraint | None:
        if request.grammar is None:
            return None
        return self._compiler.compile(request.grammar, one_by_one=request.logprobs)

    def _prompt(self, request: p.Generate) -> MediaPrompt:
        if not any(isinstance(part, p.Media) for part in request.prompt):
            return MediaPrompt(self._tokens(request), [])
        if self._projector is None:
            raise RequestError("this model does not take images or sound")
        add_special = request.add_special and not isinstance(request.prompt[0], p.Tokens)
        return self._projector.prompt(request.prompt, add_special=add_special)

    def _tokens(self, request: p.Generate) -> list[int]:
        model = self._model
        tokens: list[int] = []
        for part in request.prompt:
            match part:
                case p.Text():
                    add_special = request.add_special and not tokens
                    tokens += model.tokenize(
                        part.text, add_special=add_special, special=part.special
                    )
                case p.Tokens():
                    tokens += model.known_tokens(part.ids)
        if not tokens:
            start = model.start_token
            if start < 0:
                raise RequestError("the prompt is empty")
            tokens = [start]
        return tokens

    def _fit(self, request: p.Generate, prompt: MediaPrompt) -> tuple[list[int], int]:
        """The prompt cut in the middle where it does not fit, and how many tokens that dropped."""
        cells, tokens = self._model.layout.cells, prompt.tokens
        if len(tokens) < cells:
            return tokens, 0
        if prompt.chunks or not request.truncate:
            raise RequestError(too_long(len(tokens), cells))
        if not (request.shift and self._model.movable):
            raise RequestError(PROMPT_TOO_LONG)
        kept = cut_middle(tokens, min(self._keep(request, tokens), cells - 1), cells)
        return kept, len(tokens) - len(kept)

    def _keep(self, request: p.Generate, tokens: list[int]) -> int:
        """How many tokens at the beginning stay whatever is dropped."""
        keep = len(tokens) if request.num_keep < 0 else request.num_keep
        return keep + self._model.adds_bos


def ending_the_process(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do work on another thread, whose failure a future would keep to itself.

    The process must not go on half alive.
    """
    try:
        return work(*args, **kwargs)
    except BaseException as error:
        threading.excepthook(threading.ExceptHookArgs((type(error), error, None, None)))
        raise


def cut_middle(tokens: list[int], keep: int, cells: int) -> list[int]:
    """The first ``keep`` tokens and the last ones, so that about half of the rest stays free."""
    limit = cells - max((cells - keep) // 2, 1)
    return tokens[:keep] + tokens[len(tokens) - (limit - keep) :]
