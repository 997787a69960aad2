"""Grammars on the output, with llguidance: which tokens may come next, and which must.

A constraint may sleep at first: until the thinking is over, or until a marker appears. While it
sleeps the model is free. Masks are computed on another thread while llama_decode runs.
"""

from __future__ import annotations

import ctypes
import json
import threading
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor

import llama_cpp.llama_cpp as lib
import numpy as np
from llguidance import LLMatcher, LLTokenizer
from numpy.typing import NDArray

from .model import Model
from .protocol import Grammar

# One line of JSON with Python's separators: what models have seen most, and a structure that
# leaves no choice between tokens, so that it can be computed in one run. The white space that a
# flexible grammar allows is where small models get lost.
JSON_OPTIONS = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
ANY_OBJECT = '{"type": "object"}'
# A run of forced tokens is cut here, so that it cannot outgrow a batch.
MAX_FORCED = 256

Logits = NDArray[np.float32]


# What llguidance calls a state that no token leads out of.
NO_WAY_ON = "NoExtensionBias"


class GrammarError(ValueError):
    """The grammar does not compile or cannot be met; the message is llguidance's own."""


class GrammarCompiler:
    """Compiles grammars for one model's vocabulary; its tokenizer is made on demand."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._lock = threading.Lock()
        self._tokenizer: LLTokenizer | None = None
        self._control: NDArray[np.int32] = np.empty(0, dtype=np.int32)
        self.masks = ThreadPoolExecutor(max_workers=1, thread_name_prefix="masks")

    def compile(self, grammar: Grammar, *, one_by_one: bool = False) -> Constraint:
        """A fresh constraint; raises GrammarError.

        With ``one_by_one`` it never names the tokens that must follow, so that every token is
        sampled and has a probability of the model's own.
        """
        with self._lock:
            if self._tokenizer is None:
                self._tokenizer = self._make_tokenizer()
        source = to_llguidance(grammar)
        matcher = LLMatcher(self._tokenizer, source, log_level=0)
        if matcher.is_error():
            raise GrammarError(reason(matcher))
        # Control tokens are not text, except where the grammar itself spells one out.
        named = source.replace('\\"', '"') if grammar.kind == "lark" else ""
        banned = [t for t in self._control if self._model.piece(int(t)).decode() not in named]
        found = Constraint(
            matcher, grammar, self._tokenizer, self.masks, np.array(banned, np.int32)
        )
        found.one_by_one = one_by_one
        if not grammar.trigger:
            found.closing = self._marker(grammar.after)
        return found

    def _marker(self, text: str) -> list[int]:
        """The tokens of a marker, none where one of them would end the generation."""
        tokens = self._model.tokenize(text, add_special=False, special=True) if text else []
        return [] if self._model.end_tokens.intersection(tokens) else tokens

    def _make_tokenizer(self) -> LLTokenizer:
        model = self._model
        pieces: list[bytes] = []
        control: list[int] = []
        for token in range(model.n_vocab):
            attributes = lib.llama_vocab_get_attr(model.vocab, token)
            if token in model.end_tokens:
                pieces.append(b"\xff" + model.piece(token))
                continue
            if attributes & lib.LLAMA_TOKEN_ATTR_CONTROL:
                control.append(token)
            pieces.append(model.piece(token))
        self._control = np.array([t for t in control if utf8(model.piece(t))], dtype=np.int32)
        return LLTokenizer.from_llamacpp(
            tokens=pieces,
            vocab_ptr=model.vocab,
            tokenize_fptr=ctypes.cast(lib._lib.llama_tokenize, ctypes.c_void_p).value,
            eos_token=sorted(model.end_tokens) or [0],
            slices=LLTokenizer.json_slices(),
        )


class Constraint:
    """The grammar's state in one generation.

    The engine's use, for each sampled position: ``prepare`` before llama_decode, ``apply`` on the
    row of logits, then ``accept`` the token unless ``must_redraw`` has it drawn anew; when
    ``complete`` is set the generation is over.
    """

    def __init__(
        self,
        matcher: LLMatcher,
        grammar: Grammar,
        tokenizer: LLTokenizer,
        masks: ThreadPoolExecutor,
        banned: NDArray[np.int32],
    ) -> None:
        self._matcher = matcher
        self._grammar = grammar
        self._tokenizer = tokenizer
        self._masks = masks
        self._banned = banned
        self._words = np.empty((tokenizer.vocab_size + 31) // 32, dtype=np.uint32)
        self._pending: Future[str] | None = None
        self._seen = b""
        self._opening = grammar.unless_thinking.encode()
        self._markers = [text.encode() for text in (grammar.after, grammar.trigger) if text]
        self._searched = 0
        self.asleep = bool(self._markers)
        self.complete = False
        self.one_by_one = False
        self.closing: list[int] = []  # what ends the thinking where the model would end the answer
        self._to_close: list[int] = []

    def prepare(self) -> None:
        """Start computing the next mask on another thread."""
        if not self.asleep and not self.complete and self._pending is None:
            self._pending = self._masks.submit(
                self._matcher.unsafe_compute_mask_ptr, self._words.ctypes.data, self._words.nbytes
            )

    def apply(self, logits: Logits) -> None:
        """Put -inf on every token that may not come next, in place."""
        if self._to_close:
            logits[:] = -np.inf
            logits[self._to_close[0]] = 0
        if self.asleep:
            return
        self.prepare()
        if self._pending is None:
            return
        self._pending.result()
        self._pending = None
        if self._matcher.is_error():
            raise GrammarError(reason(self._matcher))
        allowed = np.unpackbits(self._words.view(np.uint8), bitorder="little")
        size = min(len(logits), len(allowed))
        logits[size:] = -np.inf
        np.putmask(logits[:size], allowed[:size] == 0, -np.inf)
        if len(self._banned):
            logits[self._banned] = -np.inf

    def must_redraw(self, piece: bytes, *, ends: bool) -> bool:
        """Whether a token cannot stand here after all: apply to the row again, and draw again.

        ``ends`` says that it would end the answer.
        """
        return self.asleep and (self._must_wake(piece) or (ends and self._must_close()))

    def _must_wake(self, piece: bytes) -> bool:
        """Whether the output turns out to have no thinking: the grammar starts right here."""
        opening = self._opening
        if not opening:
            return False
        text = (self._seen + piece).lstrip()
        if not text or opening.startswith(text) or text.startswith(opening):
            return False
        self._opening = b""
        self._markers = self._markers[1:]  # no thinking to wait for, a trigger perhaps
        self.asleep = bool(self._markers)
        return not self.asleep

    def _must_close(self) -> bool:
        """Whether the answer would end in its thinking: the closing marker comes instead."""
        if not any(text.encode() in self._seen for text in self._grammar.left_by):
            self._to_close = list(self.closing)
        return bool(self._to_close)

    def accept(self, token: int, piece: bytes) -> list[int]:
        """Take the sampled token; returns it with the tokens that must follow it.

        Only the token that wakes the grammar may come back as other ones: where it says more than
        the marker, and what it says the grammar does not allow, the rest is cut off.
        """
        if not self.asleep:
            return [token, *self._advance([token])]
        del self._to_close[:1]
        before = len(self._seen)
        self._seen += piece
        marker, at = b"", -1
        while self._markers:
            marker = self._markers[0]
            at = self._seen.find(marker, max(self._searched, before - len(marker) + 1))
            if at < 0:
                return [token]
            del self._markers[0]
            self._searched = at + len(marker)
        self.asleep = False
        end = at + len(marker)
        lazy = bool(self._grammar.trigger)
        rest = self._seen[at:] if lazy else self._seen[end:].lstrip()
        said = self._tokenizer.tokenize_bytes(rest) if rest else []
        if self._matcher.validate_tokens(said) == len(said):
            return [token, *(self._advance(said) if said else self._forced())]
        cut = self._tokenizer.tokenize_bytes(self._seen[before:end])
        said = self._tokenizer.tokenize_bytes(marker) if lazy else []
        return [*cut, *(self._advance(said) if said else self._forced())]

    def _advance(self, tokens: Iterable[int]) -> list[int]:
        if not self._matcher.consume_tokens(list(tokens)):
            raise GrammarError(reason(self._matcher))
        if self._matcher.is_stopped():
            self.complete = True
            return []
        return self._forced()

    def _forced(self) -> list[int]:
        if self.one_by_one:
            return []
        forced: list[int] = self._matcher.compute_ff_tokens()[:MAX_FORCED]
        if not forced:
            return []
        if not self._matcher.consume_tokens(forced):
            raise GrammarError(reason(self._matcher))
        self.complete = self._matcher.is_stopped()
        return forced


def reason(matcher: LLMatcher) -> str:
    """Why a matcher failed, without the dump of its state and grammar that llguidance adds."""
    said = str(matcher.get_error()).partition("\n<state>")[0]
    return "no text satisfies it from here on" if said == NO_WAY_ON else said


def utf8(piece: bytes) -> bool:
    """Whether the bytes are text of their own."""
    try:
        return bool(piece.decode())
    except UnicodeDecodeError:
        return False


def to_llguidance(grammar: Grammar) -> str:
    """The grammar in llguidance's own form; raises GrammarError for JSON that is no schema."""
    if grammar.kind == "lark":
        return str(LLMatcher.grammar_from_lark(grammar.source))
    if grammar.kind == "regex":
        return str(LLMatcher.grammar_from_regex(grammar.source))
    schema = grammar.source if grammar.kind == "json_schema" else ANY_OBJECT
    if grammar.after:
        # After the thinking comes white space that belongs to neither.
        options = json.dumps({"x-guidance": JSON_OPTIONS} | json.loads(schema))
        return str(
            LLMatcher.grammar_from_lark(
                f"start: GAP json\nGAP: /[ \\t\\r\\n]{{0,4}}/\njson: %json {options}"
            )
        )
    try:
        return str(LLMatcher.grammar_from_json_schema(schema, defaults=JSON_OPTIONS))
    except ValueError as error:
        raise GrammarError(str(error)) from error
