"""The engine: one thread that owns the context and turns requests into steps.

    take requests and cancellations -> admit -> plan a batch -> decode -> sample finished runs

There is no prefill mode and no decode mode: each step gives each sequence a run of the tokens it
knows and has not computed.
"""

from __future__ import annotations

import math
import queue
import time
from collections import deque
from collections.abc import Callable

from . import protocol as p
from .batch import Batch
from .constraint import Constraint, GrammarError
from .drafting import Drafter
from .embedding import Embedder
from .intake import Prepared
from .model import Logits, Model
from .news import News
from .sampling import SamplingError, logprob
from .scheduler import Run, Scheduler
from .sequence import Sequence
from .slots import Slots
from .threads import Threads
from .vision import Projector

Inbox = queue.SimpleQueue[object]
Send = Callable[[p.FromRunner], None]
GAP_CHECK_STEPS = 16
# How many waiting requests are looked at for a prefix that somebody is computing.
MAX_FOLLOWERS = 32


class Engine:
    """Runs until a Shutdown arrives; ``send`` takes every answer."""

    def __init__(
        self,
        model: Model,
        inbox: Inbox,
        send: Send,
        projector: Projector | None = None,
        drafter: Drafter | None = None,
    ) -> None:
        self._model = model
        self._projector = projector
        self._drafter = drafter
        self._inbox = inbox
        self._send = send
        self._batch = Batch(max(model.layout.batch, model.layout.sequences))
        self._scheduler = Scheduler(self._batch.capacity, split=not model.layout.unified)
        self._slots = Slots(model)
        self._embedder = Embedder(model, self._batch)
        # A number of threads that somebody asked for is left alone.
        self._threads = None if model.threads_given else Threads(model.threads, model.use_threads)
        self._waiting: deque[Sequence] = deque()
        self._running = True
        self._news = News(send)
        self._step_seconds = 0.0
        self._single_end = 0.0  # when the last step ended, if it had one token
        self._counters = {"prompt": 0, "cached": 0, "generated": 0, "steps": 0}

    def run(self) -> None:
        """The loop; returns after Shutdown."""
        while self._running:
            self._receive()
            self._admit()
            media = self._next_media()
            runs = self._scheduler.plan(self._slots.live, media)
            if runs:
                self._step(runs)
            if media is not None:
                self._decode_media(media, runs)
            if self._embedder.busy:
                self._embed()
            self._news.before_step(self._step_seconds if self._slots.live else math.inf)
        for sequence in [*self._slots.live, *self._waiting]:
            sequence.sampler.close()

    # --- requests ---------------------------------------------------------------------------------

    def _receive(self) -> None:
        """Take what has arrived; wait for it only when there is nothing to compute."""
        if not (self._slots.live or self._waiting or self._embedder.busy):
            self._single_end = 0.0
            self._handle(self._inbox.get())
        while not self._inbox.empty():
            self._handle(self._inbox.get())

    def _handle(self, message: object) -> None:
        match message:
            case Prepared():
                self._waiting.append(message.sequence)
            case p.Embed() | p.Rerank():
                answer = self._embedder.add(message)
                if answer is not None:
                    self._send(answer)
            case p.Cancel():
                self._cancel(message.id)
            case p.GetStats():
                self._send(self._stats(message.id))
            case p.Shutdown():
                self._running = False
            case _:
                raise TypeError(f"the engine does not know {type(message).__name__}")

    def _cancel(self, request: int) -> None:
        for sequence in self._slots.live:
            if sequence.id == request:
                self._release(sequence)
                return
        for sequence in self._waiting:
            if sequence.id == request:
                sequence.sampler.close()
                self._waiting.remove(sequence)
                return
        self._embedder.cancel(request)

    def _admit(self) -> None:
        """Give slots to waiting sequences, in order; who can inherit a prefix soon waits for it."""
        if not self._waiting or not self._slots.free:
            return
        self._slots.seconds_per_token = self._scheduler.seconds_per_token
        left: deque[Sequence] = deque()
        while self._waiting and len(left) < MAX_FOLLOWERS:
            sequence = self._waiting.popleft()
            if self._slots.leader(sequence) is not None:
                left.append(sequence)
            elif not self._slots.place(sequence):
                left.append(sequence)
                break
            else:
                sequence.started_ns = time.perf_counter_ns()
                self._counters["prompt"] += len(sequence.prompt)
                self._counters["cached"] += sequence.cached
        left.extend(self._waiting)
        self._waiting = left

    # --- a step -----------------------------------------------------------------------------------

    def _step(self, runs: list[Run]) -> None:
        batch = self._batch
        batch.clear()
        if not all(run.sequence.decoding for run in runs):
            self._news.send()  # what somebody waits for does not wait for a prompt
        elif self._drafter is not None:
            self._guess(self._drafter, runs)
        for run in runs:
            sequence = run.sequence
            start = sequence.computed
            tokens = sequence.tokens[start : start + run.count] + run.guesses
            outputs = 1 + len(run.guesses) if run.complete else 0
            batch.add(tokens, sequence.position(start), sequence.slot, outputs=outputs)
            if run.complete and sequence.constraint is not None:
                sequence.constraint.prepare()
        started = time.perf_counter()
        if not self._decode(runs):
            return
        complete = [run for run in runs if run.complete]
        logits = self._model.logits(batch.rows) if complete else None
        self._step_seconds = seconds = time.perf_counter() - started
        self._news.computed(seconds)
        self._scheduler.measured(runs, seconds)
        self._learn_threads(batch.size, started + seconds)
        self._counters["steps"] += 1
        for run in runs:
            run.sequence.computed += run.count
        if logits is not None:
            row = 0
            for run in complete:
                self._sample_run(run, logits[row:])
                row += 1 + len(run.guesses)
        if self._counters["steps"] % GAP_CHECK_STEPS == 0:
            self._slots.close_gaps()

    def _learn_threads(self, tokens: int, end: float) -> None:
        """Time from the end of one step of one token to that of the next."""
        if self._threads is None:
            return
        begin, self._single_end = self._single_end, end if tokens == 1 else 0.0
        if begin and tokens == 1:
            self._threads.measured(end - begin)

    def _guess(self, drafter: Drafter, runs: list[Run]) -> None:
        """Put guesses behind the runs, as far as the batch has room for them."""
        guesses = drafter.guess([run.sequence for run in runs if run.complete])
        room = self._batch.capacity - sum(run.count for run in runs)
        for run in runs:
            run.guesses = guesses.get(run.sequence, [])[:room]
            room -= len(run.guesses)

    def _next_media(self) -> Sequence | None:
        """The sequence that has waited longest to have embeddings computed."""
        if self._projector is None:
            return None
        waiting = [s for s in self._slots.live if s.media and s.chunk_at(s.computed)]
        return min(waiting, key=lambda s: s.started_ns, default=None)

    def _decode_media(self, sequence: Sequence, runs: list[Run]) -> None:
        """Compute the next embeddings of a sequence, behind a step of ``runs``."""
        chunk = sequence.chunk_at(sequence.computed)
        if sequence.slot < 0 or chunk is None or self._projector is None:
            return  # the step has ended it
        done = sequence.computed - chunk.start
        left = chunk.count - done
        count = self._scheduler.embeddings(left, runs)
        if count and chunk.whole:
            count = min(left, self._batch.capacity)
        if not count:
            return
        self._single_end = 0.0
        self._news.send()
        started = time.perf_counter()
        position = sequence.position(chunk.start)
        status = self._projector.decode(chunk, done, count, sequence.slot, position)
        while status == 1 and self._slots.forget_retained():
            status = self._projector.decode(chunk, done, count, sequence.slot, position)
        if status != 0:
            self._model.forget(sequence.slot)
            sequence.computed = 0
            self._fail(sequence, f"llama_decode failed with status {status} on an image")
            return
        self._model.synchronize()
        self._scheduler.measured([Run(sequence, count)], time.perf_counter() - started)
        sequence.computed += count

    def _embed(self) -> None:
        """Compute one batch of embeddings, which may take long."""
        self._single_end = 0.0
        self._news.send()
        for answer in self._embedder.step():
            self._news.end(answer)

    def _decode(self, runs: list[Run]) -> bool:
        """llama_decode; False when the step came to nothing and its sequences were ended."""
        status = self._model.decode(self._batch.raw)
        while status == 1 and self._slots.forget_retained():
            status = self._model.decode(self._batch.raw)
        if status == 0:
            return True
        if status == 1:
            # No cells left: the youngest gives way, the others go on.
            youngest = max((run.sequence for run in runs), key=lambda s: s.started_ns)
            self._end(youngest, "length")
            return False
        for run in runs:
            text = f"llama_decode failed with status {status}"
            self._news.end(p.Failed(run.sequence.id, text))
            run.sequence.sampler.close()
        live = {run.sequence for run in runs}
        self._waiting.extendleft(s for s in self._slots.live if s not in live)
        self._slots.forget_all()
        for sequence in self._waiting:
            sequence.slot, sequence.computed = -1, 0
        return False

    def _sample_run(self, run: Run, logits: Logits) -> None:
        """Sample behind a complete run, and behind its guesses as long as they are what is drawn.

        ``logits`` has shape (1 + guesses or more, n_vocab).
        """
        sequence, guesses = run.sequence, run.guesses
        if not guesses:
            self._sample(sequence, logits[0])
            return
        slot, end = sequence.slot, sequence.position(sequence.computed)
        right = 0
        self._sample(sequence, logits[0])
        while right < len(guesses) and sequence.slot >= 0 and sequence.tokens[-1] == guesses[right]:
            sequence.computed += 1
            right += 1
            self._sample(sequence, logits[right])
        if right < len(guesses):
            self._model.forget(slot, end + right)
        if self._drafter is not None:
            self._drafter.checked(sequence, len(guesses), right)

    def _sample(self, sequence: Sequence, logits: Logits) -> None:
        try:
            token = self._choose(sequence, logits)
            piece = self._model.piece(token)
            ended = token in self._model.end_tokens
            constraint = sequence.constraint
            tokens = constraint.accept(token, piece) if constraint and not ended else [token]
        except GrammarError as error:
            # Grammars are made from what the client sent: it is the schema that cannot be met.
            self._fail(sequence, f"the format cannot be met: {error}", status=400)
            return
        except SamplingError as error:
            self._fail(sequence, str(error))
            return
        if not sequence.generated:
            sequence.first_token_ns = time.perf_counter_ns()
        if ended:
            sequence.generated += 1
            self._end(sequence, "stop")
            return
        self._append(sequence, tokens)

    def _choose(self, sequence: Sequence, logits: Logits) -> int:
        model, sampler, constraint = self._model, sequence.sampler, sequence.constraint
        if len(model.suppressed):
            logits[model.suppressed] = float("-inf")
        sampler.bias(logits)
        raw = logits.copy() if sequence.request.logprobs and constraint else logits
        token = self._draw(sequence, logits, constraint)
        if sequence.request.logprobs:
            self._note_logprob(sequence, raw, token)
        return token

    def _draw(self, sequence: Sequence, logits: Logits, constraint: Constraint | None) -> int:
        sampler = sequence.sampler
        if constraint is None:
            return sampler.sample(logits)
        constraint.apply(logits)
        token = sampler.sample(logits)
        ends = token in self._model.end_tokens
        if constraint.must_redraw(self._model.piece(token), ends=ends):
            constraint.apply(logits)
            token = sampler.sample(logits)
        return token

    def _note_logprob(self, sequence: Sequence, logits: Logits, token: int) -> None:
        found = logprob(logits, token, sequence.request.top_logprobs)
        found.token = self._model.piece(found.id)
        for candidate in found.top:
            candidate.token = self._model.piece(candidate.id)
        sequence.logprobs.append(found)

    def _append(self, sequence: Sequence, tokens: list[int]) -> None:
        """Add generated tokens to the sequence and their text to the news; end it where it ends."""
        text = ""
        count = 0
        for token in tokens:
            if token in self._model.end_tokens:
                self._say(sequence, text, count)
                self._end(sequence, "stop")
                return
            sequence.tokens.append(token)
            sequence.sampler.accept(token)
            sequence.generated += 1
            count += 1
            text += sequence.text.feed(self._model.piece(token))
            if sequence.text.stop or sequence.generated >= sequence.max_tokens:
                break
        self._counters["generated"] += count
        self._say(sequence, text, count)
        constraint, whole = sequence.constraint, count == len(tokens)
        if sequence.text.stop or (whole and constraint is not None and constraint.complete):
            self._end(sequence, "stop")
        elif sequence.generated >= sequence.max_tokens or not self._make_room(sequence):
            self._end(sequence, "length")

    def _say(self, sequence: Sequence, text: str, tokens: int) -> None:
        delta = sequence.delta(text, tokens)
        if delta is not None:
            self._news.say(delta, first=not sequence.heard)
            sequence.heard = True

    def _make_room(self, sequence: Sequence) -> bool:
        """Shift the context of a full sequence; False where it has to end instead."""
        cells = self._model.layout.cells
        if len(sequence.tokens) <= cells:
            return True
        if sequence.media or not (sequence.request.shift and self._model.can_shift):
            return False
        # Tokens that a grammar forces come together, and may need more room than one shift makes.
        while len(sequence.tokens) > cells:
            keep, size = sequence.keep, sequence.computed
            discard = (size - keep) // 2
            if discard <= 0:
                return False
            self._model.shift(sequence.slot, keep, discard, size)
            del sequence.tokens[keep : keep + discard]
            sequence.computed -= discard
            sequence.shifted = True
        return True

    # --- ends -------------------------------------------------------------------------------------

    def _end(self, sequence: Sequence, reason: str) -> None:
        rest = "" if sequence.text.stop else sequence.text.finish()
        self._say(sequence, rest, 0)
        self._news.end(sequence.finished(reason))
        self._release(sequence)

    def _fail(self, sequence: Sequence, error: str, *, status: int = 500) -> None:
        self._news.end(p.Failed(sequence.id, error, status))
        self._release(sequence)

    def _release(self, sequence: Sequence) -> None:
        sequence.sampler.close()
        self._slots.release(sequence)

    def _stats(self, request: int) -> p.Stats:
        layout = self._model.layout
        return p.Stats(
            id=request,
            running=len(self._slots.live),
            waiting=len(self._waiting),
            retained=self._slots.retained,
            cells_used=self._slots.cells_used,
            cells_total=layout.cells * (1 if layout.unified else layout.sequences),
            prompt_tokens=self._counters["prompt"],
            cached_tokens=self._counters["cached"],
            generated_tokens=self._counters["generated"],
            steps=self._counters["steps"],
            guessed_tokens=self._drafter.guessed if self._drafter else 0,
            accepted_tokens=self._drafter.accepted if self._drafter else 0,
        )
